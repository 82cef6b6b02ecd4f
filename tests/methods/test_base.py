import math

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from course_lib.losses import NotFiniteError
from course_lib.methods import Method, SimCLR, sgd
from course_lib.methods.schedule import half_cosine, parameter_groups, warmup_cosine

from .small import Pixels, assert_same_state, noisy_views, pictures, tiny_resnet, train


class Recorder(Method):
    """Keeps what it was given; the loss pulls the weights to zero."""

    def __init__(self, **options):
        super().__init__(Pixels(), **options)
        self.drawn, self.after, self.weights_seen, self.parts_behind = [], 0, [], []

    def views(self, images, generator=None):
        self.drawn.append(torch.rand(3, generator=generator))
        return [images]

    def loss(self, views):
        return self.encoder.layer.weight.square().sum()

    def after_step(self):
        self.after += 1
        self.parts_behind.append(self.progress)
        self.weights_seen.append(self.encoder.layer.weight.clone())


def test_draws_depend_on_seed_and_step_and_on_nothing_else():
    first, second, other = Recorder(), Recorder(), Recorder()
    other.seed = 1
    for method in (first, second, other):
        torch.manual_seed(id(method) % 1000)  # the global generator must not matter
        train(method, 4)
    assert all(torch.equal(a, b) for a, b in zip(first.drawn, second.drawn, strict=True))
    assert len({tuple(draw.tolist()) for draw in first.drawn + other.drawn}) == 8


def test_progress_runs_from_zero_towards_one_and_is_zero_outside_training():
    method = Recorder()
    assert method.progress == 0
    method.total_steps = 4
    train(method, 4)
    assert method.parts_behind == [0, 0.25, 0.5, 0.75]
    assert method.progress == 0
    endless = Recorder()
    train(endless, 2)
    assert endless.parts_behind == [0, 0]


def test_half_cosine_starts_flat_ends_flat_and_never_leaves_its_range():
    assert half_cosine(0.99, 1.0, 0) == pytest.approx(0.99)
    assert half_cosine(0.99, 1.0, 0.5) == pytest.approx(0.995)
    assert half_cosine(0.04, 0.4, 1) == pytest.approx(0.4) == half_cosine(0.04, 0.4, 1.7)
    assert half_cosine(0, 1, 0.25) == pytest.approx((1 - math.cos(math.pi / 4)) / 2)


def test_a_resumed_run_draws_what_the_uninterrupted_one_drew(tmp_path):
    whole, half, rest = Recorder(), Recorder(), Recorder()
    train(whole, 6)
    train(half, 3).save_checkpoint(tmp_path / "half.ckpt")
    train(rest, 6, resume=tmp_path / "half.ckpt")
    assert all(torch.equal(a, b) for a, b in zip(whole.drawn[3:], rest.drawn, strict=True))


def test_after_step_follows_every_optimiser_step_once_and_sees_its_weights():
    method = Recorder()
    train(method, 5)
    assert method.after == 5
    assert torch.equal(method.weights_seen[-1], method.encoder.layer.weight)
    accumulating = Recorder()
    train(accumulating, 3, batch_size=4, accumulate_grad_batches=2)
    assert accumulating.after == 3
    assert len(accumulating.drawn) == 6
    assert len({tuple(draw.tolist()) for draw in accumulating.drawn}) == 6  # not the same twice in a step


def test_after_step_is_done_when_callbacks_write_checkpoints():
    seen = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer, method, *_):
            seen.append((trainer.global_step, method.after))

    train(Recorder(), 3, callbacks=[Watch()])
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_schedule_is_linear_then_half_a_cosine():
    factor = warmup_cosine(total_steps=110, warmup_steps=10)
    assert [factor(i) for i in range(10)] == pytest.approx([(i + 1) / 11 for i in range(10)])
    assert factor(10) == 1
    assert factor(35) == pytest.approx(0.5 + math.sqrt(0.5) / 2)
    assert factor(60) == pytest.approx(0.5)
    assert factor(110) == factor(200) == pytest.approx(0)
    assert warmup_cosine(None, 2)(10**6) == 1


def test_rates_that_training_uses_follow_the_schedule():
    method, rates = Recorder(learning_rate=0.5, warmup_fraction=0.25), []
    method.total_steps = 8

    class Watch(Callback):
        def on_train_batch_start(self, trainer, *_):
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    train(method, 8, callbacks=[Watch()])
    factor = warmup_cosine(8, 2)
    assert rates == pytest.approx([0.5 * factor(step) for step in range(8)])


def test_decay_only_where_there_is_more_than_one_dimension_and_a_gradient():
    model = tiny_resnet()
    model.stem[0].weight.requires_grad_(False)
    groups = parameter_groups(model.parameters(), 0.3)
    assert {(p.ndim > 1, group["weight_decay"]) for group in groups for p in group["params"]} == {
        (True, 0.3),
        (False, 0.0),
    }
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_optimiser_can_be_chosen():
    assert isinstance(Recorder().configure_optimizers()["optimizer"], torch.optim.AdamW)
    optimizer = Recorder(optimizer=sgd, learning_rate=0.1).configure_optimizers()["optimizer"]
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.defaults["momentum"] == 0.9


def test_embed_is_the_encoder_in_eval_mode_and_puts_modes_back():
    method = SimCLR(tiny_resnet(), views=noisy_views).train()
    method.encoder.stages[0].eval()  # somebody froze a part
    before = {name: module.training for name, module in method.named_modules()}
    state = {name: value.clone() for name, value in method.state_dict().items()}
    images = pictures(10)
    features = method.embed(images, batch_size=4)
    assert {name: module.training for name, module in method.named_modules()} == before
    assert all(torch.equal(value, state[name]) for name, value in method.state_dict().items())
    assert features.dtype == torch.float32
    assert not features.requires_grad
    with torch.no_grad():
        expected = method.encoder.eval()(images.float() / 255)
    assert torch.allclose(features, expected, atol=1e-6)
    assert torch.allclose(method.embed(images.float() / 255), expected, atol=1e-6)
    assert torch.allclose(method.embed(images.numpy()), expected, atol=1e-6)


def test_modes_come_back_even_if_the_encoder_fails():
    method = SimCLR(tiny_resnet(), views=noisy_views).train()
    with pytest.raises(ValueError, match="shape"):
        method.embed(torch.rand(2, 1, 16, 16))
    assert all(module.training for module in method.modules())


def test_nan_names_step_and_learning_rate():
    method = SimCLR(Pixels(), views=noisy_views, learning_rate=0.25, warmup_fraction=0.0)
    method.total_steps = 10

    class Break(Callback):
        def on_train_batch_start(self, trainer, method, batch, index):
            if index == 2:
                nn.init.constant_(method.encoder.layer.weight, float("nan"))

    with pytest.raises(NotFiniteError, match=r"step 2, learning rate 0\.2.*NaN"):
        train(method, 5, callbacks=[Break()])


def test_labels_are_left_aside_by_methods_that_do_not_need_them():
    method = SimCLR(Pixels(), views=noisy_views)
    images = pictures(8)
    assert torch.isfinite(method.training_step((images, torch.zeros(8)), 0))
    assert torch.isfinite(method.training_step([images, torch.zeros(8)], 0))
    assert torch.isfinite(method.training_step(images, 0))


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: SimCLR(nn.Linear(3, 3), views=noisy_views), TypeError, "Linear without .width"),
        (lambda: SimCLR(Pixels(), views=noisy_views, learning_rate=0), ValueError, "learning_rate=0"),
        (lambda: SimCLR(Pixels(), views=noisy_views, weight_decay=-1), ValueError, "weight_decay=-1"),
        (lambda: SimCLR(Pixels(), views=noisy_views, warmup_fraction=1), ValueError, "warmup_fraction=1"),
        (lambda: SimCLR(Pixels(), views=noisy_views).embed(pictures(2), 0), ValueError, "batch_size=0"),
        (lambda: Method(Pixels()).loss([]), NotImplementedError, "define loss"),
    ],
)
def test_bad_input_is_a_sentence(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_same_seed_gives_the_same_run():
    runs = []
    for _ in range(2):
        torch.manual_seed(3)
        runs.append(SimCLR(tiny_resnet(), views=noisy_views))
    torch.manual_seed(0)
    train(runs[0], 3)
    torch.manual_seed(1)
    train(runs[1], 3)
    assert_same_state(*runs)

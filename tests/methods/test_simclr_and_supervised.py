import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import default_views
from course_lib.losses import nt_xent
from course_lib.methods import SimCLR, Supervised

from .small import Constant, Pixels, assert_same_state, noisy_views, pictures, tiny_resnet, train


@pytest.mark.parametrize("batch", [2, 16])
def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing(batch):
    method = SimCLR(Constant(), views=noisy_views)
    value = method.loss(method.views(pictures(batch))).item()
    assert list(method.stuck_values(batch)) == ["ln(2B-1)"]
    assert value == pytest.approx(method.stuck_values(batch)["ln(2B-1)"], rel=1e-5)


def test_loss_is_nt_xent_of_the_projections_at_the_given_temperature():
    method = SimCLR(Pixels(), views=noisy_views, temperature=0.2).eval()
    first, second = method.views(pictures(8))
    z1, z2 = (method.projector(method.encoder(view)) for view in (first, second))
    assert torch.allclose(method.loss([first, second]), nt_xent(z1, z2, 0.2), rtol=1e-5)
    assert not torch.allclose(method.loss([first, second.flip(0)]), method.loss([first, second]))


def test_both_views_share_batch_statistics_as_in_the_official_code():
    torch.manual_seed(0)
    method = SimCLR(tiny_resnet(), views=noisy_views, temperature=0.5).train()
    first, second = method.views(pictures(8))
    z = method.projector(method.encoder(torch.cat([first, second])))
    assert torch.allclose(method.loss([first, second]), nt_xent(z[:8], z[8:], 0.5), rtol=1e-5)


def test_your_own_loss_is_called_with_two_projections_and_the_temperature():
    calls = []

    def mine(z1, z2, temperature):
        calls.append((z1.shape, z2.shape, temperature))
        return (z1 - z2).square().mean()

    method = SimCLR(Pixels(), projection_size=5, temperature=0.3, loss_function=mine, views=noisy_views)
    train(method, 1)
    assert calls == [((8, 5), (8, 5), 0.3)]


def test_version_2_has_the_deeper_head():
    def linear_layers(method):
        return sum(isinstance(layer, torch.nn.Linear) for layer in method.projector)

    assert linear_layers(SimCLR(Pixels(), views=noisy_views)) == 2
    assert linear_layers(SimCLR(Pixels(), views=noisy_views, projector_layers=3)) == 3
    assert SimCLR(Pixels(), views=noisy_views, hidden_size=40).projector[0].out_features == 40


def test_default_views_are_simclrs():
    method = SimCLR(Pixels())
    views = method.views(pictures(4), generator=torch.Generator().manual_seed(0))
    assert [view.shape for view in views] == [(4, 3, 16, 16)] * 2
    assert method.views is default_views


def test_training_pulls_the_views_of_an_image_together():
    torch.manual_seed(0)
    images = pictures(16)
    images = (images.float().mean(dim=(2, 3), keepdim=True) * 8 % 256).to(torch.uint8).expand_as(images)
    method = SimCLR(Pixels(32), views=noisy_views, learning_rate=0.01)
    before = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    train(method, 30, batch_size=16, images=images)
    after = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    assert after < before - 0.3 < method.stuck_values(16)["ln(2B-1)"]


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    methods = []
    for _ in range(3):
        torch.manual_seed(0)
        methods.append(SimCLR(tiny_resnet(), views=noisy_views))
        methods[-1].total_steps = 6
    whole, half, rest = methods
    batch = {"images": pictures(8)}  # one batch per epoch: where the data stands is the loader's affair
    train(whole, 6, **batch)
    train(half, 3, **batch).save_checkpoint(tmp_path / "half.ckpt")
    train(rest, 6, resume=tmp_path / "half.ckpt", **batch)
    assert_same_state(whole, rest)


def labelled(number=40):
    """Class 0 is dark, class 1 is bright, class 2 is red."""
    labels = torch.arange(number) % 3
    colours = torch.tensor([[30, 30, 30], [220, 220, 220], [220, 20, 20]], dtype=torch.uint8)
    return colours[labels][:, :, None, None].expand(-1, -1, 16, 16).contiguous(), labels


def one_view(images, generator=None):
    return [images.float() / 255]


LABELLED = Supervised(Pixels(), 3, views=one_view)


def test_supervised_loss_is_cross_entropy_and_stuck_at_ln_c():
    method = Supervised(Pixels(), 3, views=one_view)
    images, labels = labelled()
    logits = method.classifier(method.encoder(images.float() / 255))
    expected = F.cross_entropy(logits, labels)
    assert torch.allclose(method.training_step((images, labels), 0), expected, rtol=1e-5)
    torch.nn.init.zeros_(method.classifier.weight)
    torch.nn.init.zeros_(method.classifier.bias)
    stuck = method.training_step((images, labels), 0).item()
    assert stuck == pytest.approx(method.stuck_values(40)["ln C"], rel=1e-6)
    assert stuck == pytest.approx(math.log(3), rel=1e-6)


def test_supervised_learns_colours_from_labels():
    torch.manual_seed(0)
    images, labels = labelled()
    method = Supervised(Pixels(), ["dark", "bright", "red"], views=one_view, learning_rate=0.1)
    data = torch.utils.data.TensorDataset(images, labels)
    train(method, 60, batch_size=40, images=data)
    assert torch.equal(method.predict(images), labels)


def test_supervised_default_views_are_crops_in_range():
    method = Supervised(Pixels(), 3)
    images, _ = labelled(6)
    (view,) = method.views(images, generator=torch.Generator().manual_seed(0))
    assert view.shape == images.shape
    assert torch.allclose(view, images.float() / 255, atol=1e-5)  # crops of one colour have that colour


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Supervised(Pixels(), 1), "classes is 1"),
        (lambda: LABELLED.training_step(pictures(4), 0), "images, labels"),
        (
            lambda: LABELLED.loss([torch.rand(2, 3, 4, 4)], torch.tensor([0, 3])),
            "labels run from 0 to 3; with 3",
        ),
        (lambda: LABELLED.loss([torch.rand(2, 3, 4, 4)], torch.tensor([-1, 2])), "between 0 and 2"),
    ],
)
def test_supervised_bad_input_is_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

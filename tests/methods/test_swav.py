import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.losses.swav import swav
from course_lib.methods.swav import SwAV

from .crops import colours, crops, entropy
from .small import Constant, Pixels, assert_resumed_equals_whole, pictures, tiny_resnet, train


def make(encoder=Pixels, **options):
    torch.manual_seed(0)
    return SwAV(encoder(), **{"prototypes": 12, "projection_size": 5, "views": crops, **options})


def embeddings(method, views):
    """Unit embeddings (V, B, D), all crops through the projector's BatchNorm together."""
    features = torch.cat([method.encoder(view) for view in views])
    return F.normalize(method.projector(features), dim=1).unflatten(0, (len(views), -1))


def test_loss_is_swav_of_the_cosines_with_unit_prototypes():
    method = make(temperature=0.2, epsilon=0.1, iterations=2)
    train(method, 2)
    views = method.views(pictures(8))
    with torch.no_grad():
        method.prototypes.weight.mul_(torch.rand(12, 1) + 0.5)
    unit = F.normalize(method.prototypes.weight.detach(), dim=1)
    method.after_step()
    scores = embeddings(method.eval(), views) @ unit.T
    assert torch.allclose(method.loss(views), swav(list(scores), (0, 1), 0.2, 0.1, 2), rtol=1e-5)
    assert torch.allclose(method.prototypes.weight, unit, atol=1e-6)  # put back after every step
    value = method.loss([views[0], *(view.flip(0) for view in views[1:])])
    assert not torch.allclose(value, method.loss(views))


def test_prototypes_have_length_1_before_the_first_step_and_after_each():
    method = make(learning_rate=0.1)
    for _ in range(2):
        assert torch.allclose(method.prototypes.weight.norm(dim=1), torch.ones(12), atol=1e-6)
        train(method, 1)


def test_crops_of_equal_size_go_through_the_encoder_in_one_batch():
    method, seen = make(tiny_resnet), []
    method.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    method.loss(method.views(pictures(4))).backward()
    assert seen == [(8, 3, 16, 16), (8, 3, 8, 8)]
    assert all(p.grad is not None for p in method.parameters())


def test_queue_holds_embeddings_in_order_and_is_scored_with_todays_prototypes_once_full():
    calls = []

    def spy(scores, assign, temperature, epsilon, iterations, queue):
        calls.append(queue)
        return swav(scores, assign, temperature, epsilon, iterations, queue)

    method = make(queue_size=20, loss_function=spy)
    views = [method.views(pictures(8, seed=seed)) for seed in range(4)]
    expected = []
    for step in range(4):
        with torch.no_grad():
            expected.append(embeddings(method, views[step])[:2])  # (2, 8, D)
        before = method.queue.clone()
        method.loss(views[step])
        assert torch.equal(method.queue, before)  # not before the step
        method.after_step()
    assert [queue is None for queue in calls] == [True, True, True, False]  # 24 images fill 20 places
    rows = torch.cat(expected[:3], dim=1)[:, 4:]  # the last 20 before the fourth step
    for place in range(2):
        scores = rows[place] @ method.prototypes.weight.T
        order = torch.arange(20).roll(4)  # the ring starts at the oldest of the last lap
        assert torch.allclose(calls[3][place], scores[order], atol=1e-5)
    assert int(method.queue_count) == 32


def test_scores_are_float32_under_autocast():
    types = []

    def spy(scores, *arguments):
        types.extend(x.dtype for x in scores + (arguments[-1] or []))
        return scores[0].sum()

    method = make(queue_size=4, loss_function=spy)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for _ in range(2):
            method.loss(method.views(pictures(8)))
            method.after_step()
    assert types == [torch.float32] * 10


def test_without_a_queue_nothing_is_kept_and_validation_does_not_enter():
    method = make()
    train(method, 2)
    assert method.queue.shape == (2, 0, 5)
    method = make(queue_size=4).eval()
    method.loss(method.views(pictures(8)))
    method.after_step()
    assert int(method.queue_count) == 0


def test_accumulated_batches_all_enter():
    method = make(queue_size=16)
    train(method, 1, batch_size=4, images=pictures(8), accumulate_grad_batches=2)
    assert int(method.queue_count) == 8


def test_prototypes_are_frozen_for_the_first_steps():
    start = F.normalize(make().prototypes.weight.detach(), dim=1)
    method = make(frozen_steps=2, weight_decay=0.1)
    train(method, 2)
    assert torch.allclose(method.prototypes.weight, start, atol=1e-6)
    method = make(frozen_steps=2, weight_decay=0.1, learning_rate=0.3)
    train(method, 3)
    assert not torch.allclose(F.normalize(method.prototypes.weight, dim=1), start, atol=1e-4)


def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing():
    method = make(Constant, temperature=1e4)
    value = method.loss(method.views(pictures(8))).item()
    assert list(method.stuck_values(8)) == ["ln K"]
    assert value == pytest.approx(method.stuck_values(8)["ln K"], rel=1e-4)
    assert value == pytest.approx(math.log(12), rel=1e-4)


def test_training_lowers_the_loss_and_uses_many_prototypes():
    method, images = make(lambda: Pixels(16), learning_rate=0.01), colours()
    before = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    train(method, 60, batch_size=32, images=images)
    after = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    assert after < before - 0.3
    with torch.no_grad():
        z = embeddings(method, method.views(images))[0]
    share = (method.prototypes(z) / 0.1).softmax(dim=1).mean(dim=0)
    assert entropy(share) > 0.7 * math.log(12)


def test_a_resumed_run_equals_the_uninterrupted_one_including_the_queue(tmp_path):
    _, rest = assert_resumed_equals_whole(lambda: make(tiny_resnet, queue_size=20, frozen_steps=5), tmp_path)
    assert int(rest.queue_count) == 48


@pytest.mark.parametrize(
    ("options", "sentence"), [({"prototypes": 0}, "prototypes=0"), ({"queue_size": -1}, "queue_size=-1")]
)
def test_bad_input_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)

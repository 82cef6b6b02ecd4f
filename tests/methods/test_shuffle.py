"""The BatchNorm leak of MoCo, section 3.3: made on purpose, and closed by shuffling."""

import pytest
import torch
from torch import nn

from course_lib.methods import MoCo
from course_lib.models import group_batch_norm

from .small import Pixels, noisy_views, pictures, tiny_resnet


def make(make_encoder, **options):
    torch.manual_seed(0)
    return MoCo(make_encoder(), queue_size=16, projection_size=5, views=noisy_views, **options)


def statistics(method, views):
    """Per group, the means that the first BatchNorm of encoder and of teacher normalise with."""
    seen = {}

    def record(name):
        def hook(module, inputs):
            groups = inputs[0].chunk(module.groups)
            seen[name] = torch.stack([group.mean(dim=(0, 2, 3)) for group in groups])

        return hook

    student = method.encoder.stem[1].register_forward_pre_hook(record("query"))
    teacher = method.teacher[0].stem[1].register_forward_pre_hook(record("key"))
    method.loss(views)
    student.remove()
    teacher.remove()
    return seen["query"], seen["key"]


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(3), nn.BatchNorm2d(3)])
def test_grouped_statistics_equal_separate_devices(norm):
    torch.manual_seed(0)
    x = torch.randn((8, 3) if isinstance(norm, nn.BatchNorm1d) else (8, 3, 4, 4))
    nn.init.normal_(norm.weight)
    grouped = group_batch_norm(nn.Sequential(norm), 4)
    parts = [
        (part - part.mean(dim=[d for d in range(x.ndim) if d != 1], keepdim=True))
        / (part.var(dim=[d for d in range(x.ndim) if d != 1], unbiased=False, keepdim=True) + 1e-5).sqrt()
        for part in x.split(2)
    ]
    shape = (1, 3) if x.ndim == 2 else (1, 3, 1, 1)
    expected = torch.cat(parts) * norm.weight.view(shape) + norm.bias.view(shape)
    assert torch.allclose(grouped(x), expected, atol=1e-4)
    plain = nn.BatchNorm1d(3) if x.ndim == 2 else nn.BatchNorm2d(3)
    plain.load_state_dict(norm.state_dict())  # the names have not changed
    assert torch.allclose(grouped.eval()(x), plain.eval()(x), atol=1e-6)
    with pytest.raises(ValueError, match="7 images has no equal groups"):
        grouped.train()(x[:7])


def test_without_shuffle_query_and_key_share_statistics_and_with_it_they_do_not():
    images = pictures(16).float() / 255
    same = [images, images]  # views without change: only the grouping can make a difference
    query, key = statistics(make(tiny_resnet, batch_norm_groups=4, shuffle=False), same)
    assert torch.equal(query, key)
    query, key = statistics(make(tiny_resnet, batch_norm_groups=4, shuffle=True), same)
    assert (query - key).abs().amax(dim=1).min() > 1e-3  # no group finds itself again
    assert torch.allclose(query.mean(0), key.mean(0), atol=1e-6)  # though all images are there


def test_the_statistics_give_the_answer_away_without_shuffle_only():
    """Find the key of a query among the group's signatures: trivial with the leak, chance without it."""
    images = pictures(16).float() / 255

    def found(shuffle):
        query, key = statistics(make(tiny_resnet, batch_norm_groups=8, shuffle=shuffle), [images, images])
        return (torch.cdist(query, key).argmin(dim=1) == torch.arange(8)).float().mean().item()

    assert found(shuffle=False) == 1
    assert found(shuffle=True) < 0.6


def test_shuffled_keys_come_back_in_the_order_of_their_images():
    images = pictures(16).float() / 255
    shuffled, straight = make(Pixels, shuffle=True), make(Pixels, shuffle=False)
    orders = []
    inner = shuffled.teacher.forward

    def watch(x):
        orders.append(x)
        return inner(x)

    shuffled.teacher.forward = watch
    assert torch.allclose(shuffled.keys(images), straight.keys(images), atol=1e-6)
    assert not torch.equal(orders[0], images)  # they did go through in another order
    assert torch.equal(orders[0].flatten(1).sum(1).sort()[0], images.flatten(1).sum(1).sort()[0])

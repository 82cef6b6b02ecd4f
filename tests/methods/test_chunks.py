"""In chunks: the same value and gradient, fewer activations."""

import pytest
import torch
from torch import nn

from course_lib.losses import nt_xent
from course_lib.methods import SimCLR
from course_lib.methods.chunks import in_chunks

from .small import Pixels, noisy_views, pictures, tiny_resnet


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(48, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 5)
    )


def gradients(chunk):
    net, images = network(), torch.rand(20, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        z1, z2 = in_chunks(net, images, chunk).chunk(2)
        loss = nt_xent(z1, z2, 0.1)
    held = sum(kept)  # between forward and backward
    loss.backward()
    return loss.item(), [p.grad for p in net.parameters()], held


@pytest.mark.parametrize("chunk", [1, 6, 19])
def test_value_and_gradient_are_those_of_the_whole_batch(chunk):
    whole, parts = gradients(None), gradients(chunk)
    assert parts[0] == pytest.approx(whole[0], rel=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(parts[1], whole[1], strict=True))


def test_activations_are_not_kept():
    assert gradients(5)[2] < 0.4 * gradients(None)[2]


def test_splitting_the_loss_instead_would_be_another_loss():
    torch.manual_seed(0)
    a, b = torch.randn(2, 20, 6)
    parts = [nt_xent(x, y, 0.1).item() for x, y in zip(a.split(5), b.split(5), strict=True)]
    assert sum(parts) / 4 < nt_xent(a, b, 0.1).item() - 0.5  # fewer negatives, an easier question


def test_simclr_in_chunks_takes_the_same_step():
    losses = []
    for chunk in (None, 5):
        torch.manual_seed(0)
        method = SimCLR(Pixels(), chunk=chunk, views=noisy_views)
        method.projector = nn.Linear(6, 4)  # without BatchNorm
        views = noisy_views(pictures(8), torch.Generator().manual_seed(2))
        loss = method.loss(views)
        loss.backward()
        losses.append((loss.detach(), method.encoder.layer.weight.grad))
    assert torch.allclose(losses[0][0], losses[1][0])
    assert torch.allclose(losses[0][1], losses[1][1], atol=1e-7)


def test_with_batch_norm_each_chunk_has_its_own_statistics():
    torch.manual_seed(0)
    net = tiny_resnet().train()
    images = torch.rand(8, 3, 16, 16)
    first, second = in_chunks(net, images, 4).chunk(2)
    assert torch.allclose(first, net(images[:4]), atol=1e-5)
    assert torch.allclose(second, net(images[4:]), atol=1e-5)


def test_a_chunk_of_nothing_is_refused():
    with pytest.raises(ValueError, match="chunk=0"):
        in_chunks(network(), torch.rand(2, 3, 4, 4), 0)

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.models import PrototypeHead, prototype_head


def test_scores_are_cosines_with_the_prototypes_whatever_their_length():
    torch.manual_seed(0)
    head = prototype_head(6, 16, 8, 20)
    assert isinstance(head, PrototypeHead)
    features = torch.randn(5, 6)
    scores = head(features)
    bottleneck = F.normalize(head.mlp(features), dim=1)
    for i in range(5):
        for k in range(20):
            expected = F.cosine_similarity(bottleneck[i], head.prototypes[k], dim=0)
            assert scores[i, k].item() == pytest.approx(expected.item(), abs=1e-5)
    with torch.no_grad():
        head.prototypes.mul_(torch.rand(20, 1) * 10 + 0.1)
    assert torch.allclose(head(features), scores, atol=1e-5)
    assert torch.allclose(head(torch.stack([features, features])), torch.stack([scores, scores]), atol=1e-6)


def test_equals_torchs_weight_normalisation_with_the_length_fixed_at_one():
    torch.manual_seed(0)
    head = prototype_head(6, 16, 8, 20)
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(8, 20, bias=False))
    with torch.no_grad():
        layer.parametrizations.weight.original0.fill_(1)
        layer.parametrizations.weight.original1.copy_(head.prototypes)
    layer.parametrizations.weight.original0.requires_grad_(False)
    features, upstream = torch.randn(5, 6), torch.randn(5, 20)
    expected = layer(F.normalize(head.mlp(features), dim=1))
    assert torch.allclose(head(features), expected, atol=1e-6)
    ours = torch.autograd.grad((head(features) * upstream).sum(), head.prototypes)[0]
    theirs = torch.autograd.grad((expected * upstream).sum(), layer.parametrizations.weight.original1)[0]
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert (ours * head.prototypes).sum(1).abs().max() < 1e-5  # only the direction learns


def test_layers_and_the_papers_sizes():
    kinds = [type(layer) for layer in prototype_head(6, 16, 8, 20).mlp]
    assert kinds == [nn.Linear, nn.GELU, nn.Linear, nn.GELU, nn.Linear]
    assert [type(layer) for layer in prototype_head(6, 16, 8, 20, layers=1).mlp] == [nn.Linear]
    with torch.device("meta"):
        paper = prototype_head(384)
    assert paper.prototypes.shape == (65536, 256)
    assert paper.mlp[0].out_features == 2048


def test_scores_are_float32_under_autocast():
    torch.manual_seed(0)
    head, features = prototype_head(6, 16, 8, 20), torch.randn(5, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores, bottleneck = head(features), head.mlp(features)
    assert scores.dtype == torch.float32
    expected = F.normalize(bottleneck.float(), dim=1) @ F.normalize(head.prototypes, dim=1).T
    assert torch.allclose(scores, expected, atol=1e-6)


def test_bad_input_is_a_sentence():
    with pytest.raises(ValueError, match="prototypes=0"):
        prototype_head(6, 16, 8, 0)
    with pytest.raises(ValueError, match="length is 0"):
        prototype_head(6, 16, 8, 20, length=0)


def test_the_papers_prototypes_start_as_long_as_the_rows_of_its_weight_normalised_layer():
    torch.manual_seed(0)
    theirs = nn.Linear(256, 4096, bias=False).weight.detach().norm(dim=1).mean()
    assert theirs == pytest.approx(3**-0.5, rel=0.01)
    ours, drawn = (
        prototype_head(6, 16, 256, 400, **o).prototypes.detach().norm(dim=1) for o in ({}, {"length": None})
    )
    torch.testing.assert_close(ours, torch.full((400,), 3**-0.5))
    assert drawn.mean() == pytest.approx(16, rel=0.05)

"""Features of frozen images, and the random-encoder baseline."""

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.data import ImageSet
from course_lib.evaluate import embed, evaluate, random_encoder, t_interval, token_features
from course_lib.methods import SimCLR
from course_lib.models import VisionTransformer


class Tiny(nn.Module):
    """Mean colour through a batch norm and a dropout, which only eval mode leaves alone."""

    width = 5

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))

    def forward(self, images):
        return self.net(images.mean(dim=(2, 3)))


def images(n=10, size=4, seed=0):
    return torch.randint(
        0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def test_batches_modes_and_gradients():
    encoder = Tiny()
    encoder.net[1].eval()
    encoder.net[0].weight.data.normal_()
    whole = embed(encoder, images())
    assert whole.shape == (10, 5)
    assert whole.dtype == torch.float32
    assert not whole.requires_grad
    assert torch.allclose(whole, embed(encoder, images(), batch_size=3), atol=1e-6)
    assert encoder.training
    assert encoder.net[2].training
    assert not encoder.net[1].training  # as it was before
    expected = encoder.eval()(images().float() / 255)
    assert torch.allclose(whole, expected, atol=1e-6)


def test_tensor_float_array_map_and_set_give_the_same_features(tmp_path):
    encoder, pictures = Tiny().eval(), images()
    np.save(tmp_path / "images.npy", pictures.numpy())
    expected = embed(encoder, pictures)
    for form in (
        pictures.float() / 255,
        pictures.numpy(),
        np.load(tmp_path / "images.npy", mmap_mode="r"),
        ImageSet(pictures, [0] * 10, ["one"], "x"),
    ):
        assert torch.allclose(embed(encoder, form), expected, atol=1e-6)


def test_a_method_is_asked_itself():
    class Method(nn.Module):
        def embed(self, part):
            return part.float().flatten(1)[:, :2] + 1000

    assert (embed(Method(), images(), batch_size=4) >= 1000).all()


def test_bad_input_is_a_sentence():
    with pytest.raises(ValueError, match=r"images of shape \(10, 4\)"):
        embed(Tiny(), torch.zeros(10, 4))
    with pytest.raises(ValueError, match="batch_size=0"):
        embed(Tiny(), images(), batch_size=0)
    broken = Tiny()
    nn.init.constant_(broken.net[0].bias, float("nan"))
    with pytest.raises(ValueError, match="10 of 10 features are NaN"):
        embed(broken, images())


def colour_sets():
    """Two classes that differ in their mean colour."""
    labels = torch.arange(40) % 2
    pictures = images(40) // 2 + (labels * 100).to(torch.uint8)[:, None, None, None]
    return ImageSet(pictures[:30], labels[:30], ["dark", "bright"]), ImageSet(
        pictures[30:], labels[30:], ["dark", "bright"]
    )


@pytest.mark.parametrize("classifier", ["linear", "knn"])
def test_random_encoder_is_the_mean_over_initialisations(classifier):
    train, test = colour_sets()
    before = torch.random.get_rng_state()
    found = random_encoder(Tiny, train, test, seeds=(4, 5), classifier=classifier)
    assert torch.equal(torch.random.get_rng_state(), before)
    scores = []
    for seed in (4, 5):
        torch.manual_seed(seed)
        scores.append(evaluate(Tiny(), train, test, classifier))
    assert found == t_interval(scores)


def test_evaluate_refuses_an_unknown_classifier():
    with pytest.raises(ValueError, match='classifier="svm"'):
        evaluate(Tiny(), *colour_sets(), classifier="svm")


def test_token_features_are_cls_tokens_of_the_last_blocks_and_the_mean_patch():
    vit = VisionTransformer(16, 8, width=12, depth=3, heads=2, registers=1)
    seen = []
    for block in vit.blocks:
        block.register_forward_hook(lambda module, given, out: seen.append(out))
    pictures = images(4, 16)
    both = token_features(vit, pictures, blocks=2, mean=True)
    normal = [vit.norm(tokens).detach() for tokens in seen[:3]]
    assert torch.allclose(both[:, :12], normal[1][:, 0], atol=1e-6)
    assert torch.allclose(both[:, 12:24], embed(vit, pictures), atol=1e-6)
    assert torch.allclose(both[:, 24:], normal[2][:, 2:].mean(dim=1), atol=1e-6)  # neither CLS nor register
    assert both.shape == (4, 36)
    in_threes = token_features(SimCLR(vit), pictures.numpy(), batch_size=3)
    assert torch.allclose(in_threes, embed(vit, pictures), atol=1e-6)  # another batch size, other last digits
    assert vit.training
    with pytest.raises(ValueError, match="1 to 3"):
        token_features(vit, pictures, blocks=4)
    with pytest.raises(TypeError, match="VisionTransformer"):
        token_features(Tiny(), pictures)

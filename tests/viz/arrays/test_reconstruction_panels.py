"""Reconstruction panels: a decoder that is told what to say, and the method's own reconstruction."""

import pytest
import torch

from course_lib.losses.patches import patchify
from course_lib.methods import MAE, SimCLR
from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.reconstruction import reconstruction_panels


def make(**options):
    torch.manual_seed(0)
    encoder = VisionTransformer(image_size=16, patch_size=4, width=12, depth=1, heads=2)
    return MAE(encoder, **{"decoder_width": 8, "decoder_depth": 1, "decoder_heads": 2, **options})


def images(number=2, height=16, width=24):
    return torch.rand(number, 3, height, width, generator=torch.Generator().manual_seed(0))


def blocks(mask):
    """(B, rows, columns) -> (B, 1, H, W)."""
    return mask[:, None].repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_what_is_visible_is_kept_what_is_removed_is_grey_and_painted():
    method, x = make(normalize=False), images()
    method.predict = lambda view, kept: torch.full((2, 24, 48), 0.25)
    panels = reconstruction_panels(method, x)
    hidden = blocks(panels.mask)
    assert panels.mask.shape == (2, 4, 6)
    assert panels.mask.sum((1, 2)).tolist() == [18, 18]  # three quarters of 24
    assert torch.equal(panels.original, x)
    assert torch.equal(panels.masked, torch.where(hidden, 0.5, x))
    assert torch.equal(panels.pasted, torch.where(hidden, 0.25, x))
    assert (panels.reconstruction == 0.25).all()  # of visible patches too


def test_with_normalised_pixels_the_true_mean_and_spread_are_put_back():
    method, x = make(), images()
    true = patchify(x, 4)
    mean, std = true.mean(2, keepdim=True), (true.var(2, keepdim=True) + 1e-6).sqrt()
    method.predict = lambda view, kept: torch.zeros(2, 24, 48)
    mosaic = patchify(reconstruction_panels(method, x).reconstruction, 4)
    torch.testing.assert_close(mosaic, mean.expand_as(mosaic))
    method.predict = lambda view, kept: (true - mean) / std
    panels = reconstruction_panels(method, x)
    torch.testing.assert_close(panels.reconstruction, x, atol=1e-5, rtol=0)
    torch.testing.assert_close(panels.pasted, x, atol=1e-5, rtol=0)


def test_it_is_what_the_method_reconstructs():
    method, x = make().train(), images()
    for ratio in (None, 0.5):
        panels = reconstruction_panels(method, x, mask_ratio=ratio, seed=3)
        assert method.training
        pictures, mask = method.eval().reconstruct(x, ratio, torch.Generator().manual_seed(3))
        assert torch.equal(panels.mask.flatten(1), mask.bool())
        torch.testing.assert_close(panels.pasted, pictures)
        method.train()
    assert not panels.reconstruction.requires_grad
    assert not torch.equal(panels.mask, reconstruction_panels(method, x, 0.5, seed=4).mask)
    for panel in (panels.original, panels.masked, panels.reconstruction, panels.pasted):
        assert panel.shape == (2, 3, 16, 24)
        assert 0 <= panel.min() <= panel.max() <= 1
    bytes_ = (x * 255).round().to(torch.uint8)
    assert torch.equal(reconstruction_panels(method, bytes_).original, bytes_ / 255)


def test_the_method_paints_in_eval_mode_and_goes_on_training():
    method, modes = make().train(), []
    method.encoder.eval()  # a mixed state must come back
    paint = method.predict
    method.predict = lambda view, kept: (modes.append(method.decoder.training), paint(view, kept))[1]
    reconstruction_panels(method, images())
    assert modes == [False]
    assert method.decoder.training
    assert not method.encoder.training


def test_patches_can_be_chosen_by_hand():
    method, x = make(), images()
    panels = reconstruction_panels(method, x, kept=[2, 7])
    expected = torch.ones(4, 6, dtype=torch.bool)
    expected[0, 2] = expected[1, 1] = False
    assert torch.equal(panels.mask, expected.expand(2, -1, -1))
    each = reconstruction_panels(method, x, kept=torch.tensor([[2, 7], [5, 23]]))
    assert (~each.mask[1]).nonzero().tolist() == [[0, 5], [3, 5]]
    torch.testing.assert_close(each.pasted[0], panels.pasted[0])


def test_bad_input_is_answered_in_a_sentence():
    method, x = make(), images()
    with pytest.raises(TypeError, match=r"give a methods\.MAE"):
        reconstruction_panels(SimCLR(resnet((4,), (1,))), x)
    with pytest.raises(ValueError, match="leave out mask_ratio"):
        reconstruction_panels(method, x, 0.5, kept=[0])
    for kept in ([0, 0], [24], [-1]):
        with pytest.raises(ValueError, match="at most once, from 0 to 23"):
            reconstruction_panels(method, x, kept=kept)
    for kept in ([], [0.5], [[1, 2]], [True] * 24):
        with pytest.raises(ValueError, match="the numbers of the patches that stay, \\(2, K\\)"):
            reconstruction_panels(method, x, kept=torch.tensor(kept))
    with pytest.raises(ValueError, match="cannot be cut into patches"):
        reconstruction_panels(method, images(2, 16, 22))
    with pytest.raises(ValueError, match="at least 1 must go"):
        reconstruction_panels(method, x, mask_ratio=0.0)
    with pytest.raises(ValueError, match="give \\(B, 3, H, W\\)"):
        reconstruction_panels(method, x[0])

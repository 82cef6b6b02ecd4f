"""Patch PCA: scikit-learn as oracle, a hand-made object, and pictures that no rotation changes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from course_lib.viz.arrays.patch_pca import patch_pca

GRID = (6, 8)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(images=3, width=10, seed=0):
    """An object of 3 x 4 patches inside each picture, with parts of its own, on noise: tokens, truth."""
    generator = seeded(seed)
    axes = torch.linalg.qr(torch.randn(width, width, generator=generator))[0]
    tokens = 0.05 * torch.randn(images, *GRID, width, generator=generator)
    mask = torch.zeros(images, *GRID, dtype=torch.bool)
    mask[:, 2:5, 2:6] = True
    ys, xs = torch.meshgrid(torch.linspace(0, 1, 3), torch.linspace(0, 1, 4), indexing="ij")
    tokens[:, 2:5, 2:6] += 4 * axes[0] + ys[..., None] ** 2 * axes[1] + 0.6 * xs[..., None] ** 3 * axes[2]
    return tokens.flatten(1, 2), mask


def test_the_object_is_foreground_in_its_own_colours_and_the_rest_is_black():
    tokens, mask = scene()
    for sign in (1, -1):
        got = patch_pca(sign * tokens, GRID)
        assert torch.equal(got.foreground, mask)
        assert (got.colors[~mask] == 0).all()
        assert got.colors[mask].amin(0).tolist() == [0, 0, 0]
        assert got.colors[mask].amax(0).tolist() == pytest.approx([1, 1, 1])
        red = got.colors[0, 2:5, 2:6, 0]  # the strongest of the parts runs from top to bottom
        assert red[2].min() > 0.8
        assert red[0].max() < 0.2
        turned = patch_pca(sign * tokens, GRID, flip=True)
        assert torch.equal(turned.foreground, ~mask)
        assert torch.equal(turned.first, -got.first)


def test_both_analyses_are_scikit_learns():
    tokens = torch.randn(2, 48, 12, generator=seeded(1)) * torch.linspace(3, 0.3, 12)
    got = patch_pca(tokens, GRID)
    flat = tokens.flatten(0, 1).double().numpy()
    first = PCA(1).fit_transform(flat)[:, 0]
    ours = got.first.flatten().numpy()
    np.testing.assert_allclose(np.abs(ours), np.abs(first / first.std()), atol=1e-5)
    chosen = ours > 0
    assert np.array_equal(got.foreground.flatten().numpy(), chosen)
    oracle = PCA(3).fit(flat[chosen])
    scores = oracle.transform(flat[chosen])
    np.testing.assert_allclose(got.explained, oracle.explained_variance_ratio_, atol=1e-6)
    signs = np.sign((scores**3).sum(0))
    np.testing.assert_allclose(got.components, oracle.components_ * signs[:, None], atol=1e-5)
    scores = scores * signs
    colors = (scores - scores.min(0)) / np.ptp(scores, axis=0)
    np.testing.assert_allclose(got.colors.flatten(0, 2).numpy()[chosen], colors, atol=1e-5)


def test_without_a_foreground_all_patches_are_coloured_by_one_analysis():
    tokens, mask = scene()
    got = patch_pca(tokens, GRID, foreground=False)
    assert got.foreground.all()
    assert got.colors[..., 0][mask].min() > got.colors[..., 0][~mask].max()  # red is the first component
    red, flipped = (patch_pca(tokens, GRID, foreground=False, flip=f).colors for f in (False, True))
    torch.testing.assert_close(flipped[..., 0], 1 - red[..., 0])
    assert torch.equal(flipped[..., 1:], red[..., 1:])
    oracle = PCA(3).fit(tokens.flatten(0, 1).double().numpy())
    np.testing.assert_allclose(got.explained, oracle.explained_variance_ratio_, atol=1e-6)


def test_the_threshold_is_in_standard_deviations():
    tokens, _ = scene()
    first = patch_pca(tokens, GRID).first
    assert first.mean().abs() < 1e-6
    assert first.std(correction=0) == pytest.approx(1)
    stricter = patch_pca(tokens, GRID, threshold=1.5)
    assert torch.equal(stricter.foreground, first > 1.5)
    assert torch.equal(patch_pca(100 * tokens, GRID, threshold=1.5).foreground, stricter.foreground)
    with pytest.raises(ValueError, match="no patch lies above threshold=9"):
        patch_pca(tokens, GRID, threshold=9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), negate=st.booleans(), shift=st.floats(-5, 5), structured=st.booleans())
def test_turned_mirrored_moved_and_reordered_features_give_the_same_picture(seed, negate, shift, structured):
    generator = seeded(seed)
    if structured:
        tokens = scene(seed=seed)[0].double()
    else:
        scales = torch.tensor(
            [5.0, 3, 2, 1, 0.5, 0.2], dtype=torch.float64
        )  # components that cannot be swapped
        tokens = torch.randn(3, 48, 6, generator=generator, dtype=torch.float64).exp() * scales
    got = patch_pca(tokens, GRID)
    width = tokens.shape[2]
    turn = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64))[0]
    other = patch_pca((-1 if negate else 1) * (tokens @ turn) + shift, GRID)
    # a patch that lies on the threshold may fall to either side by rounding
    clear = got.first.abs() > 1e-6
    assert torch.equal(other.foreground[clear], got.foreground[clear])
    torch.testing.assert_close(other.colors, got.colors, atol=1e-5, rtol=0)
    order = torch.randperm(3, generator=generator)
    torch.testing.assert_close(patch_pca(tokens[order], GRID).colors, got.colors[order], atol=1e-5, rtol=0)


def test_all_four_sides_are_border():
    for side in (0, 1):
        tokens = torch.zeros(1, *GRID, 3)
        # what differs lies on two sides only, off the corners, so it is background although it is the few
        tokens[0].select(1 - side, 0).narrow(0, 1, GRID[side] - 2)[:, 0] = 1.0
        tokens[0].select(1 - side, -1).narrow(0, 1, GRID[side] - 2)[:, 0] = 1.0
        got = patch_pca(tokens.flatten(1, 2), GRID)
        assert torch.equal(got.foreground[0], tokens[0, :, :, 0] == 0)


def test_the_sign_without_an_inside_is_that_of_the_few():
    tokens = torch.zeros(1, 8, 3)
    tokens[0, 3, 0] = 1.0  # one patch differs; a grid of one row is all border
    for sign in (1, -1):
        got = patch_pca(sign * tokens, (1, 8))
        assert got.foreground[0, 0].tolist() == [False, False, False, True, False, False, False, False]


def test_what_has_no_variance_has_no_colour():
    tokens = torch.full((1, 48, 5), 0.1)
    tokens[0, 9:13, 2] += torch.tensor([1.0, 2, 3, 4])  # one dimension only
    got = patch_pca(tokens, GRID)
    assert torch.isfinite(got.colors).all()
    assert got.colors[..., 1:].max() == 0
    assert got.explained.tolist() == pytest.approx([1, 0, 0])
    one = patch_pca(tokens, GRID, threshold=4.5)  # one patch alone has no variance at all
    assert one.foreground.sum() == 1
    assert (one.colors == 0).all()


def test_bad_input_is_answered_in_a_sentence():
    tokens, _ = scene()
    with pytest.raises(ValueError, match="grid of 7 x 8; give \\(B, 56, D\\)"):
        patch_pca(tokens, (7, 8))
    with pytest.raises(ValueError, match="D of 3 or more"):
        patch_pca(tokens[..., :2], GRID)
    with pytest.raises(ValueError, match="the same features"):
        patch_pca(torch.full((2, 48, 5), 0.1), GRID)
    tokens[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        patch_pca(tokens, GRID)

import pytest
import torch

from course_lib.methods.block_masks import block_masks, spread_ratios


@pytest.mark.parametrize("grid", [(14, 14), (6, 6), (3, 7), (2, 1)])
def test_counts_are_exact_and_a_generator_repeats_them(grid):
    patches = grid[0] * grid[1]
    ratios = torch.linspace(0, 1, 40)
    masks = block_masks(grid, ratios, torch.Generator().manual_seed(0))
    assert masks.shape == (40, patches)
    assert masks.dtype == torch.bool
    expected = [max(1, round(r * patches)) if r > 0 else 0 for r in ratios.tolist()]
    counts = masks.sum(dim=1).tolist()
    assert all(
        abs(a - b) <= (abs(r * patches % 1 - 0.5) < 1e-3)
        for a, b, r in zip(counts, expected, ratios, strict=True)
    )
    assert torch.equal(masks, block_masks(grid, ratios, torch.Generator().manual_seed(0)))
    assert not torch.equal(masks, block_masks(grid, ratios, torch.Generator().manual_seed(1)))


def test_masks_are_blocks_and_lie_everywhere():
    masks = block_masks((14, 14), torch.full((400,), 0.3), torch.Generator().manual_seed(0)).view(-1, 14, 14)
    alone = torch.rand(400, 196, generator=torch.Generator().manual_seed(1)).argsort(1) < round(0.3 * 196)
    alone = alone.view(-1, 14, 14)

    def neighbours_too(mask):
        """How often the right neighbour of a masked patch is masked as well."""
        return ((mask[..., :-1] & mask[..., 1:]).sum() / mask[..., :-1].sum()).item()

    assert neighbours_too(alone) < 0.35
    assert neighbours_too(masks) > 0.7
    share = masks.float().mean(dim=0)  # the middle more often than the corners, but no side more than another
    assert share.min() > 0.01
    assert share.max() < 0.7
    for side in (share[:7], share[7:], share[:, :7], share[:, 7:]):
        assert side.mean().item() == pytest.approx(0.3, abs=0.03)


def test_exactly_that_share_of_the_images_is_masked():
    ratios = spread_ratios(10, 0.5, (0.1, 0.5), torch.Generator().manual_seed(0))
    masked = ratios[ratios > 0].sort().values
    assert torch.allclose(masked, torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert (ratios == 0).sum() == 5
    assert (spread_ratios(1, 0.1, (0.2, 0.5)) > 0).all()  # at least one

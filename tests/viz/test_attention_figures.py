"""Figures of attention: the drawn numbers are the given ones, and the words say them."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.evaluate import attention_jaccard, mass_mask
from course_lib.viz import attention_figures as figures
from course_lib.viz import picture_panels as parts

IMAGE = torch.rand(3, 24, 36, generator=torch.Generator().manual_seed(0))


def softmax_maps(*shape, seed=0):
    scores = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 2
    return scores.flatten(-2).softmax(-1).reshape(shape)


def heading(figure):
    return figure.get_suptitle().replace("\n", " ")


def drawn_maps(figure):
    """Arrays of numbers that were drawn as colours (not pictures), in the order of the panels."""
    images = [image for axis in figure.axes for image in axis.images]
    return [image for image in images if image.get_array().ndim == 2]


@pytest.fixture
def masks():
    found = torch.zeros(2, 24, 36, dtype=torch.bool)
    found[0, 0:12, 0:12] = True  # touches the border
    found[1, 14:20, 20:30] = True
    return found


def test_overlay_draws_the_map_over_the_picture_in_its_own_pixels():
    heat = torch.tensor([[0.0, 1.0, 4.0], [2.0, 3.0, 5.0]])
    drawn = figures.overlay(IMAGE, heat, 0.3)
    under, over = drawn.axes.images
    np.testing.assert_allclose(under.get_array(), IMAGE.permute(1, 2, 0))
    np.testing.assert_array_equal(over.get_array(), heat)
    assert over.get_extent() == [-0.5, 35.5, 23.5, -0.5]
    assert (over.get_interpolation(), under.get_interpolation()) == ("nearest", "nearest")
    assert over.get_alpha() == 0.3
    assert over.get_clim() == (0, 5)
    assert over.get_cmap().name == "viridis"
    assert isinstance(drawn.figure, Figure)


def test_overlay_takes_limits_and_an_axis():
    figure = Figure()
    axis = figure.subplots()
    drawn = figures.overlay(IMAGE, np.ones((2, 3)), 1, axis, (0, 2))
    assert drawn.axes is axis
    assert drawn.get_clim() == (0, 2)


@pytest.mark.parametrize(
    ("image", "heat", "opacity", "error", "words"),
    [
        (IMAGE[None], np.ones((2, 3)), 0.5, ValueError, r"\(3, height, width\) is needed"),
        (IMAGE[:1], np.ones((2, 3)), 0.5, ValueError, r"shape \(1, 24, 36\)"),
        (IMAGE * 255, np.ones((2, 3)), 0.5, ValueError, "not a model's standardised input"),
        (IMAGE, np.ones(6), 0.5, ValueError, r"\(rows, columns\) is needed"),
        (IMAGE, np.full((2, 3), np.nan), 0.5, ValueError, "NaN"),
        (IMAGE, np.zeros((0, 3)), 0.5, ValueError, r"shape \(0, 3\)"),
        (IMAGE, [[1.0], [1.0, 2.0]], 0.5, ValueError, "different lengths"),
        (IMAGE, torch.nn.Linear(1, 1), 0.5, TypeError, "is a Linear; give an array"),
        (IMAGE, np.ones((2, 3)), 1.5, ValueError, "opacity is 1.5"),
    ],
)
def test_bad_input_is_one_sentence(image, heat, opacity, error, words):
    with pytest.raises(error, match=words):
        figures.overlay(image, heat, opacity)


def test_half_precision_and_gradients_can_be_drawn():
    heat = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)
    assert figures.overlay((IMAGE * 255).byte(), heat).get_array().dtype == np.float32


def test_heads_grid_draws_every_head_on_its_own_scale(legible, masks):
    maps = softmax_maps(6, 2, 3)
    figure = legible(figures.heads_grid(IMAGE, maps, torch.linspace(0.1, 0.6, 6), masks))
    drawn = drawn_maps(figure)[:6]
    for one, given in zip(drawn, maps, strict=True):
        np.testing.assert_array_equal(one.get_array(), given)
        assert one.get_clim() == (given.min(), given.max())
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:3] == ["image and objects", "head 0\nprefix takes 10 %", "head 1\nprefix takes 20 %"]
    top = int(maps.flatten(1).amax(1).argmax())
    assert f"Head {top} gives one patch {maps.max() * 6:.1f} times" in heading(figure)
    assert f"even attention would be 1/6 = {1 / 6:.2g}" in figure.alt_text
    assert f"head 3 {maps[3].min():.2g} to {maps[3].max():.2g}, prefix takes 40 %" in figure.alt_text
    assert all(axis.collections for axis in figure.axes[:7])  # outlines


def test_the_line_on_the_scale_is_one_over_n():
    figure = figures.heads_grid(IMAGE, softmax_maps(1, 2, 3))
    lines = figure.axes[-1].lines
    assert [line.get_xdata()[0] for line in lines] == [1 / 6, 1 / 6]
    even = figures.heads_grid(IMAGE, torch.full((1, 2, 3), 1 / 6))
    assert "1.0 times the even share" in heading(even)


def test_one_scale_for_all_heads_spans_all_of_them(legible):
    maps = softmax_maps(4, 2, 3)
    figure = legible(figures.heads_grid(IMAGE, maps, shared_scale=True, opacity=0.5))
    assert {one.get_clim() for one in drawn_maps(figure)} == {(maps.min().item(), maps.max().item())}
    assert figure.axes[1].get_xlabel() == f"{maps[0].min():.2g} to {maps[0].max():.2g}"


def test_heads_grid_refuses_what_does_not_belong_together(masks):
    with pytest.raises(ValueError, match="2 numbers for 3 heads"):
        figures.heads_grid(IMAGE, softmax_maps(3, 2, 3), prefix_mass=[0.1, 0.2])
    with pytest.raises(ValueError, match="height and width must agree"):
        figures.heads_grid(IMAGE, softmax_maps(3, 2, 3), mask=masks[:, :12])
    with pytest.raises(ValueError, match=r"\(heads, rows, columns\) is needed"):
        figures.heads_grid(IMAGE, softmax_maps(2, 3))


def test_an_outline_is_where_the_mask_ends(masks):
    axis = Figure().subplots()
    parts.outline(axis, torch.cat([masks, torch.zeros(1, 24, 36, dtype=torch.bool)]).numpy())
    assert len(axis.collections) == 4  # two of three masks have pixels, each a white line on a black one
    first = np.concatenate([path.vertices for path in axis.collections[0].get_paths()])
    assert first.min(axis=0) == pytest.approx([-0.5, -0.5])
    assert first.max(axis=0) == pytest.approx([11.5, 11.5])
    assert axis.get_ylim() == (23.5, -0.5)


def test_models_are_compared_by_the_head_that_fits_the_objects_best(legible, masks):
    maps = {"random": softmax_maps(3, 2, 3, seed=1), "self-distilled": softmax_maps(2, 2, 3, seed=2)}
    figure = legible(figures.compare_models(IMAGE, maps, masks))
    for row, (name, heads) in enumerate(maps.items()):
        line = figure.axes[row * 4 : row * 4 + 4]
        assert line[0].get_ylabel() == name
        scores = attention_jaccard(heads[None], [masks], 12).per_head
        best = int(scores.argmax())
        assert line[3].get_title() == f"60 % of head {best}"
        assert line[3].get_xlabel() == f"Jaccard {scores[best]:.2f}"
        assert f"{name} {scores[best]:.2f} (head {best})" in figure.alt_text
        seen = (
            mass_mask(heads[best].flatten()).reshape(2, 3).repeat_interleave(12, 0).repeat_interleave(12, 1)
        )
        expected = IMAGE.permute(1, 2, 0) * torch.where(seen, 1.0, 0.25)[..., None]
        np.testing.assert_allclose(line[3].images[0].get_array(), expected, atol=1e-6)
    assert not figure.axes[6].axison  # the second model has no third head


def test_the_headline_says_the_overlap_of_every_model(masks):
    perfect = torch.full((2, 3), 1e-9)
    perfect[0, 0] = 1.0
    other = torch.full((2, 3), 1e-9)
    other[0, 2] = 1.0
    figure = figures.compare_models(IMAGE, {"off": other[None], "on": perfect[None]}, masks[:1])
    assert heading(figure).endswith("(Jaccard): off 0.00, on 1.00")


def test_without_objects_the_most_concentrated_head_is_shown():
    sharp = torch.full((2, 3), 0.02)
    sharp[1, 1] = 0.9
    figure = figures.compare_models(IMAGE, {"a": torch.stack([torch.full((2, 3), 1 / 6), sharp])})
    assert figure.axes[2].get_xlabel() == "17 % of the patches"
    assert figure.axes[2].get_title() == "60 % of head 1"
    assert "share of patches: a 17 %" in heading(figure)


def test_models_need_square_patches_of_whole_pixels():
    with pytest.raises(ValueError, match="do not cut an image of 24 x 36"):
        figures.compare_models(IMAGE, {"a": softmax_maps(1, 3, 3)})
    with pytest.raises(ValueError, match="attentions is empty"):
        figures.compare_models(IMAGE, {})


@pytest.mark.parametrize("shared", [False, True])
def test_layers_by_heads_puts_layers_in_rows(legible, shared):
    maps = softmax_maps(3, 4, 2, 3)
    figure = legible(figures.layers_by_heads(maps, shared))
    for place, one in enumerate(drawn_maps(figure)[:12]):
        given = maps[place // 4, place % 4]
        np.testing.assert_array_equal(one.get_array(), given)
        limits = maps if shared else given
        assert one.get_clim() == (limits.min(), limits.max())
        assert one.axes.get_xlabel() == f"max {given.max():.2g}"
    assert [figure.axes[i].get_ylabel() for i in (0, 4, 8)] == ["layer 0", "layer 1", "layer 2"]
    peaks = maps.flatten(2).amax(2).mean(1)
    assert f"layer 1 {peaks[1]:.2g}" in figure.alt_text
    assert figure.get_suptitle().startswith(f"Layer {int(peaks.argmax())} is the sharpest")


def test_explanations_say_where_they_peak_and_whether_that_is_an_object(legible, masks):
    hit, miss = torch.zeros(2, 3), torch.zeros(24, 36)
    hit[0, 0], miss[23, 35] = 0.7, 0.3  # a map of patches and one of pixels
    figure = legible(figures.rollout_panels(IMAGE, {"rollout": hit, "Grad-CAM": miss}, masks))
    assert heading(figure) == "Peaks (crosses) in a patch that is mostly object: 1 of 2 maps"
    assert "rollout: peak 0.7 at row 0, column 0, on an object" in figure.alt_text
    assert "Grad-CAM: peak 0.3 at row 23, column 35, beside the objects" in figure.alt_text
    assert figure.axes[1].lines[0].get_xdata() == [5.5]  # the middle of a patch of 12 pixels
    np.testing.assert_array_equal(figure.axes[2].images[1].get_array(), miss)
    masks[0, 0:12, 7:12] = False  # the middle of the patch is object still, and 7 of its 12 columns
    assert "1 of 1 map" in heading(figures.rollout_panels(IMAGE, {"rollout": hit}, masks))
    masks[0, 0:12, 6] = False
    assert "0 of 1 map" in heading(figures.rollout_panels(IMAGE, {"rollout": hit}, masks))
    with pytest.raises(ValueError, match="maps is empty"):
        figures.rollout_panels(IMAGE, {})


def test_a_constant_map_can_be_drawn(legible):
    legible(figures.rollout_panels(IMAGE, {"nothing": torch.zeros(2, 3), "something": torch.rand(2, 3)}))


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [(10.11, 10.31, ("10.1", "10.3")), (0.00012, 0.34, ("0.00012", "0.34")), (1, 1, ("1", "1"))],
)
def test_the_ends_of_a_scale_have_digits_that_tell_them_apart(low, high, texts):
    assert parts.apart(low, high) == texts

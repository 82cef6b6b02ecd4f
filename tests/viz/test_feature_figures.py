"""Figures of features in a picture: the drawn numbers are the given ones, and the words say them."""

import numpy as np
import pytest
import torch

from course_lib.viz import feature_figures as figures

IMAGES = torch.rand(3, 3, 24, 36, generator=torch.Generator().manual_seed(0))


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def heading(figure):
    return figure.get_suptitle().replace("\n", " ")


def test_depths_of_convnets_stand_model_beside_model(legible):
    maps = {
        name: [numbers(3, 8 // 2**d, 12 // 2**d, seed=seed + d).abs() for d in range(3)]
        for name, seed in (("supervised", 1), ("rotation", 5))
    }
    figure = legible(figures.convnet_depths(IMAGES, maps, (1, 2, 4), ("Conv1", "Conv3", "Conv5")))
    grid = np.array(figure.axes).reshape(3, 9)
    for row in range(3):
        for column, name in ((2, "supervised"), (6, "rotation")):
            for depth in range(3):
                shown = grid[row, column + depth].images[1]
                np.testing.assert_array_equal(shown.get_array(), maps[name][depth][row])
                assert shown.get_clim() == (maps[name][depth][row].min(), maps[name][depth][row].max())
    assert grid[0, 4].get_title() == "supervised\nConv5, p = 4"
    assert grid[0, 7].get_title() == "rotation\nConv3, p = 2"
    pairs = zip(maps["supervised"][0], maps["rotation"][0], strict=True)
    mean = np.mean([np.corrcoef(a.flatten(), b.flatten())[0, 1] for a, b in pairs])
    assert f"maps: Conv1 {mean:.2f}" in figure.alt_text


def test_maps_of_different_grids_are_drawn_but_not_correlated(legible):
    figure = legible(
        figures.convnet_depths(IMAGES, {"a": [torch.rand(3, 2, 3)], "b": [torch.rand(3, 4, 6)]}, (2,))
    )
    assert "cannot be compared" in figure.alt_text


def test_depths_need_a_map_a_power_and_a_name_each():
    with pytest.raises(ValueError, match=r"2 powers, 2 names of depths and \[1\] maps"):
        figures.convnet_depths(IMAGES, {"a": [torch.rand(3, 2, 3)]}, (1, 2))
    with pytest.raises(ValueError, match="2 maps for 3 images"):
        figures.convnet_depths(IMAGES, {"a": [torch.rand(2, 2, 3)]}, (1,))


def test_pca_colours_are_drawn_and_the_background_is_black(legible):
    colors, foreground = torch.rand(3, 2, 3, 3), torch.rand(3, 2, 3) > 0.5
    figure = legible(figures.pca_figure(IMAGES, colors, foreground, [0.4, 0.2, 0.1]))
    for i in range(3):
        np.testing.assert_allclose(figure.axes[i].images[0].get_array(), IMAGES[i].permute(1, 2, 0))
        shown = figure.axes[3 + i].images[0]
        np.testing.assert_allclose(shown.get_array(), colors[i] * foreground[i][..., None])
        assert shown.get_interpolation() == "nearest"
    assert heading(figure) == "Three components explain 70 % of the coloured patches' variance"
    assert f"{100 * foreground.double().mean():.0f} % of them are foreground" in figure.alt_text
    assert "40 + 20 + 10 % of the variance" in figure.alt_text


def test_pca_colours_must_be_colours():
    with pytest.raises(ValueError, match=r"scale three components to \[0, 1\]"):
        figures.pca_figure(IMAGES, torch.randn(3, 2, 3, 3) * 5)
    with pytest.raises(ValueError, match="grids must agree"):
        figures.pca_figure(IMAGES, torch.rand(3, 2, 3, 3), torch.ones(3, 3, 2))


def test_similarity_has_zero_in_the_middle_and_marks_query_and_best(legible):
    similarity = numbers(3, 2, 3).clamp(-0.9, 0.7)
    similarity[1, 1, 2] = 1.0  # the query with itself
    figure = legible(figures.similarity_to_patch(IMAGES, similarity, (1, 1, 2)))
    below = figure.axes[3:6]
    for i, axis in enumerate(below):
        shown = axis.images[1]
        np.testing.assert_array_equal(shown.get_array(), similarity[i])
        assert shown.get_clim() == (-1.0, 1.0)
        assert shown.get_cmap().name == "RdBu_r"
        others = similarity[i].clone()
        if i == 1:
            others[1, 2] = -9
        row, column = divmod(int(others.argmax()), 3)
        assert axis.lines[0].get_xdata() == [12 * column + 5.5]
        assert axis.lines[0].get_ydata() == [12 * row + 5.5]
        assert axis.get_xlabel() == f"best {others.max():.2f}"
        assert f"image {i} {others.max():.2f}" in figure.alt_text
    frames = [[patch.get_bbox().bounds for patch in axis.patches] for axis in (figure.axes[1], below[1])]
    assert frames == [[(23.5, 11.5, 12, 12)] * 2] * 2
    assert not below[0].patches


def test_similarity_within_one_picture_and_a_query_outside(legible):
    figure = legible(figures.similarity_to_patch(IMAGES[:1], numbers(1, 2, 3), (0, 0, 0)))
    assert "elsewhere in the picture" in heading(figure)
    for query in ((0, 2, 0), (3, 0, 0), (0, 0)):
        with pytest.raises(ValueError, match=r"give \(image, row, column\) below \(3, 2, 3\)"):
            figures.similarity_to_patch(IMAGES, numbers(3, 2, 3), query)


def test_artefact_tokens_are_counted_by_their_own_images_median(legible):
    norms = torch.tensor([10.0, 40.0, 10.0])[:, None, None].expand(3, 2, 3).clone()
    norms[0, 0, 0], norms[1, 1, 1], norms[2, 0, 1] = 90.0, 118.0, 31.0  # 9, 2.95 and 3.1 times the median
    figure = legible(figures.norm_figure(norms, IMAGES, most=2))
    assert heading(figure) == "2 of 18 tokens are longer than 3 times their image's median"
    assert "the most is 9 times." in figure.alt_text
    histogram = next(axis for axis in figure.axes if axis.patches and axis.get_yscale() == "log")
    assert sum(bar.get_height() for bar in histogram.patches) == 18
    assert max(bar.get_x() + bar.get_width() for bar in histogram.patches) == pytest.approx(9)
    assert histogram.lines[0].get_xdata()[0] == 3.0
    drawn = [axis.images[1] for axis in figure.axes if len(axis.images) == 2]
    for one, given in zip(drawn, norms[:2], strict=True):
        np.testing.assert_array_equal(one.get_array(), given)
        assert one.get_clim() == (10.0, 118.0)
    assert heading(legible(figures.norm_figure(torch.rand(3, 2, 3) + 10, IMAGES))).startswith(
        "0 of 18 tokens"
    )
    with pytest.raises(ValueError, match="give lengths of tokens"):
        figures.norm_figure(torch.zeros(3, 2, 3), IMAGES)

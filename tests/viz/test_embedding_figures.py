"""Figures of embeddings: points and pictures are where they belong, neighbours are counted."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from course_lib.viz import feature_figures as figures

IMAGES = torch.rand(3, 3, 24, 36, generator=torch.Generator().manual_seed(0))


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def heading(figure):
    return figure.get_suptitle().replace("\n", " ")


def test_neighbours_are_told_apart_by_mark_and_frame_not_by_colour_alone(legible):
    near, scores = torch.rand(2, 3, 3, 8, 8), torch.tensor([[0.9, 0.8, 0.7], [0.95, 0.9, 0.1]])
    labels = (["cat", "car"], [["cat", "dog", "cat"], ["car", "car", "bus"]])
    figure = legible(figures.neighbour_sheet(torch.rand(2, 3, 8, 8), near, scores, labels))
    assert heading(figure) == "4 of 6 neighbours have the query's label (67 %)"
    assert figure.axes[0].get_xlabel() == "cat"
    assert figure.axes[1].get_xlabel() == "✓ cat\n0.90"
    assert figure.axes[2].get_xlabel() == "✗ dog\n0.80"
    assert figure.axes[1].spines["left"].get_linestyle() == "-"
    assert figure.axes[2].spines["left"].get_linestyle() != "-"
    np.testing.assert_allclose(figure.axes[6].images[0].get_array(), near[1, 1].permute(1, 2, 0))
    assert "(67 %); mean similarity" in figure.alt_text
    assert figure.alt_text.endswith("of the first, 0.40 of the last.")


def test_neighbours_without_labels_have_no_marks(legible):
    figure = legible(
        figures.neighbour_sheet(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 3, 8, 8), torch.rand(2, 3))
    )
    assert not any("✓" in axis.get_xlabel() or "✗" in axis.get_xlabel() for axis in figure.axes)
    with pytest.raises(ValueError, match="they must be Q"):
        figures.neighbour_sheet(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 3, 8, 8), torch.rand(2, 2))
    with pytest.raises(ValueError, match="labels of shapes"):
        figures.neighbour_sheet(
            torch.rand(2, 3, 8, 8), torch.rand(2, 3, 3, 8, 8), torch.rand(2, 3), ([0, 1], [0, 1])
        )


def blobs(each=8):
    centers = torch.tensor([[20.0, 0, 0], [0, 20.0, 0], [0, 0, 20.0]])
    return torch.cat([c + numbers(each, 3, seed=i) for i, c in enumerate(centers)]), np.repeat(
        ["a", "b", "c"], each
    )


@pytest.mark.parametrize("method", ["t-SNE", "PCA"])
def test_positions_repeat_and_keep_groups_together(method):
    features, labels = blobs()
    place = figures.embedding_positions(features, method, seed=3)
    assert place.shape == (24, 2)
    np.testing.assert_array_equal(place, figures.embedding_positions(features, method, seed=3))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2) + 1e9 * np.eye(24)
    assert (labels[distance.argmin(1)] == labels).all()


def test_pca_positions_are_the_projections_on_the_first_two_directions():
    features = numbers(20, 5).double()
    place = figures.embedding_positions(features, "PCA")
    u, s, _ = torch.linalg.svd(features - features.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(place), (u[:, :2] * s[:2]).abs(), atol=1e-8)


def test_umap_is_used_when_it_is_there_and_asked_for_when_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r'needs the package umap-learn.*method="t-SNE"'):
        figures.embedding_positions(numbers(10, 3), "UMAP")

    class Recorder:
        def __init__(self, **options):
            self.options = options

        def fit_transform(self, x):
            assert self.options == {"n_components": 2, "n_neighbors": 9, "random_state": 4}
            return x[:, :2].astype(np.float32)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Recorder))
    assert figures.embedding_positions(numbers(10, 3), "UMAP", seed=4).dtype == np.float64


def test_positions_refuse_too_little_and_unknown_methods():
    with pytest.raises(ValueError, match="4 pictures and 2 dimensions"):
        figures.embedding_positions(numbers(3, 5))
    with pytest.raises(ValueError, match='choose "t-SNE", "UMAP" or "PCA"'):
        figures.embedding_positions(numbers(9, 5), "tsne")


def test_a_map_draws_points_where_they_are_and_counts_good_neighbours(legible):
    features, labels = blobs()
    place = np.array([[i, 10.0 * "abc".index(name)] for i, name in enumerate(labels)])
    place[0] = [23, 21]  # an "a" among the "c"
    figure = legible(figures.embedding_map(features, labels, positions=place, method="PCA"))
    axis = figure.axes[0]
    for name, points in zip("abc", axis.collections, strict=True):
        np.testing.assert_array_equal(points.get_offsets(), place[labels == name])
        assert points.get_label() == name
    shapes = {tuple(points.get_paths()[0].vertices.ravel()) for points in axis.collections}
    colors = {to_hex(points.get_facecolor()[0]) for points in axis.collections}
    assert (len(shapes), len(colors)) == (3, 3)
    # the wanderer and the "c" next to it have a neighbour of another label
    assert heading(figure).startswith("For 92 % of the pictures the nearest point")
    assert "0 thumbnails" in figure.alt_text


def test_thumbnails_are_pictures_in_their_place_that_stay_clear_of_each_other(legible):
    count = 200
    place = numbers(count, 2, seed=9).numpy()
    images = torch.rand(count, 3, 6, 6)
    figure = legible(figures.embedding_map(numbers(count, 4), np.zeros(count), images, positions=place))
    boxes = [one for one in figure.axes[0].artists if hasattr(one, "offsetbox")]
    assert 5 < len(boxes) <= 60
    assert f"{len(boxes)} thumbnails" in figure.alt_text
    renderer = figure.canvas.get_renderer()
    extents = [box.get_window_extent(renderer) for box in boxes]
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])
    for box in boxes:
        index = int(np.flatnonzero((place == box.xy).all(axis=1))[0])
        np.testing.assert_allclose(box.offsetbox.get_data(), images[index].permute(1, 2, 0))


def test_a_map_refuses_what_does_not_belong_together():
    features, labels = blobs()
    with pytest.raises(ValueError, match="one per picture"):
        figures.embedding_map(features, labels[:5])
    with pytest.raises(ValueError, match="same pictures"):
        figures.embedding_map(features, labels, positions=np.zeros((5, 2)))
    with pytest.raises(ValueError, match="3 images"):
        figures.embedding_map(features, labels, IMAGES, positions=np.zeros((24, 2)))

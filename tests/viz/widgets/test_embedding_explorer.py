"""The embedding explorer without a browser: neighbours, labels, selection."""

import numpy as np
import pytest
import torch

from course_lib.viz.widgets import embedding_explorer
from course_lib.viz.widgets.embedding_explorer import NO_LABEL, EmbeddingExplorer

LINE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.5, 0.0], [10.0, 5.0], [11.0, 5.0], [12.5, 5.0]])
LABELS = [0, 0, 0, 2, 2, 2]
NAMES = ["cat", "dog", "car"]
# two directions; the third picture looks like those at the other end of the map
FEATURES = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.1, 1.0], [0.0, 1.0], [0.2, 1.0], [0.3, 1.0]])


def images(count=6, side=8):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def view():
    return EmbeddingExplorer(LINE, images(), LABELS, NAMES, FEATURES, k=2, method="t-SNE")


def test_neighbours_on_the_map_and_in_the_features(view):
    assert view.on_map.tolist() == [[1, 2], [0, 2], [1, 0], [4, 5], [3, 5], [4, 3]]
    assert set(view.neighbours[2]) == {3, 4}  # 5.7 degrees away each; the map says otherwise
    assert np.array_equal(view.arrays["neighbours"], view.neighbours)
    known = view.agreement()
    assert known["on_map"] == 1.0
    same = [[LABELS[j] == LABELS[i] for j in near] for i, near in enumerate(view.neighbours)]
    assert known["by_features"] == pytest.approx(np.mean(same))
    shared = [
        len(set(a) & set(b)) for a, b in zip(view.neighbours.tolist(), view.on_map.tolist(), strict=True)
    ]
    assert known["shared"] == pytest.approx(sum(shared) / 12)
    assert 0 < known["shared"] < 1
    assert f"{100 * known['shared']:.0f} % of the nearest by features are among" in view.config["truth"]
    place = view.arrays["positions"]
    assert np.allclose((place.max(0) + place.min(0)) / 2, 0)
    assert view.config["extent"] == pytest.approx([1, 0.4])
    assert np.allclose((place - place[0]) * 12.5, LINE, atol=1e-5)  # one scale for both directions


def test_labels_are_names_places_or_missing():
    view = EmbeddingExplorer(LINE, images(), torch.tensor([2, -1, 0, 0, 2, 2]), NAMES)
    assert view.names == ["cat", "car", NO_LABEL]
    assert view.labels.tolist() == [1, 2, 0, 0, 1, 1]
    assert "neighbours" not in view.arrays
    assert list(view.agreement()) == ["on_map"]
    words = EmbeddingExplorer(LINE, images(), ["b", "a", "b", "a", "c", "c"])
    assert words.names == ["a", "b", "c"]
    plain = EmbeddingExplorer(LINE, images())
    assert not plain.config["labelled"]
    assert plain.agreement() == {}
    assert plain.alt_text == "embedding map of 6 pictures without labels, a point each."


def test_selection_is_read_and_set(view):
    assert view.selected().tolist() == []
    assert view.select("car").tolist() == [3, 4, 5]
    assert view.table().to_dict("list") == {"label": ["cat", "car"], "selected": [0, 3], "pictures": [3, 3]}
    view.choose(selection=[4, 0, 4], focus=1)
    assert view.selected().tolist() == [0, 4]
    assert "2 pictures are selected: 1 cat, 1 car. In focus is picture 2, cat." in view.alt_text
    assert view.state["tool"] == "pan"


def test_state_and_log_come_from_the_browser(view):
    sent = []
    view.widget.send = lambda *message: sent.append(message)
    view.widget.state = view.state | {"selection": [5, 1], "focus": 3}
    view.widget.log = [{"did": "select", "how": "Lasso", "pictures": 2}]
    assert view.selected().tolist() == [1, 5]
    assert view.log[0]["how"] == "Lasso"
    view._reply(view.widget, {"id": 1, "request": {"image": 2}}, [])
    assert sent[0][0]["arrays"]["image"]["shape"] == [1, 3, 8, 8]
    view._reply(view.widget, {"id": 2, "request": {"image": 6}}, [])
    assert "there are 6" in sent[1][0]["error"]
    view.select("cat")
    assert view.widget.state["selection"] == [0, 1, 2]
    view.close()
    assert view.selected().tolist() == [0, 1, 2]


def test_thumbnails_fit_into_the_browser(monkeypatch):
    monkeypatch.setattr(embedding_explorer, "BYTES", 6 * 3 * 16 * 16)
    view = EmbeddingExplorer(LINE, images(side=48))
    assert view.arrays["thumbnails"].shape == (6, 3, 16, 16)
    assert view.config["full"]
    assert view.answer({"image": 1})["image"].shape == (1, 3, 48, 48)
    flat = EmbeddingExplorer(LINE, torch.rand(6, 3, 8, 12))
    assert flat.arrays["thumbnails"].shape == (6, 3, 8, 12)
    assert not flat.config["full"]


def test_figure_and_words(view, legible):
    view.choose(selection=[0, 1], focus=5)
    figure = legible(view.figure())
    assert "6 pictures with 2 labels" in figure.alt_text
    rings = figure.axes[0].collections[-1].get_offsets()
    assert np.allclose(rings, LINE[:2])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["car", "cat"]
    plain = EmbeddingExplorer(LINE, images())
    legible(plain.figure())


def test_a_large_map_is_drawn_in_part(monkeypatch, legible):
    monkeypatch.setattr(embedding_explorer, "DRAWN", 20)
    view = EmbeddingExplorer(torch.randn(50, 2), images(50), ["a", "b"] * 25)
    figure = view.figure()
    assert figure.alt_text.endswith(" 17 of them are drawn.")


def test_basic_controls(view):
    box = view.basic()
    box.children[0].value = 4
    assert view.state["focus"] == 4
    assert "In focus is picture 5, car." in box.children[-1].value


def test_mistakes_get_a_sentence(view):
    with pytest.raises(ValueError, match="positions are \\(5, 2\\) for 6 images"):
        EmbeddingExplorer(LINE[:5], images())
    with pytest.raises(ValueError, match="finite numbers"):
        EmbeddingExplorer(LINE / 0, images())
    with pytest.raises(ValueError, match=r"labels are \(5,\) for 6 images"):
        EmbeddingExplorer(LINE, images(), LABELS[:5])
    with pytest.raises(ValueError, match="labels must be places in class_names, 0 to 1"):
        EmbeddingExplorer(LINE, images(), LABELS, NAMES[:2])
    with pytest.raises(ValueError, match="5 features for 6 images"):
        EmbeddingExplorer(LINE, images(), features=FEATURES[:5])
    with pytest.raises(ValueError, match="there is no label 'dog'; choose of cat, car"):
        view.select("dog")
    with pytest.raises(ValueError, match="there are 6 pictures"):
        view.choose(selection=[6])
    with pytest.raises(ValueError, match="choose pan or lasso"):
        view.choose(tool="pen")
    with pytest.raises(ValueError, match="there is no zoom"):
        view.choose(zoom=2)

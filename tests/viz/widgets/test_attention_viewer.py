"""What the viewer sends to the browser, says in words, and refuses."""

import numpy as np
import pytest
import torch

from course_lib import viz
from course_lib.evaluate import attention_jaccard, mass_mask
from course_lib.models import resnet
from course_lib.viz.widgets import attention_viewer, view
from course_lib.viz.widgets.attention_basic import overlay_jpeg


@pytest.fixture
def viewer(parts):
    return viz.AttentionViewer(*parts)


def test_the_browser_gets_what_it_needs_to_compute_every_row(parts, viewer):
    models, images, _ = parts
    found = viewer.answer({"image": 2})
    for number, model in enumerate(models.values()):
        queries, keys = (torch.from_numpy(found[f"{name}{number}"]) for name in ("queries", "keys"))
        maps = (queries @ keys.mT * queries.shape[-1] ** -0.5).softmax(-1)  # (L, H, T, T)
        assert torch.allclose(maps, model.attention(images[2:], None)[:, 0], atol=1e-6)
    assert viewer.config["models"][0] | {"path": ""} == {
        "name": "small patches",
        "path": "",
        "layers": [0, 1],
        "heads": 2,
        "prefix": 2,
        "grid": [4, 6],
        "patch": [4, 4],
    }
    assert viewer.arrays["images"].shape == (3, 3, 16, 24)


def test_overlap_counts_the_pixels_of_each_object_in_each_patch(parts, viewer):
    _, _, masks = parts
    found = viewer.answer({"image": 0})
    assert found["labels"].shape == (16, 24)
    for number, (rows, columns, side) in enumerate([(4, 6, 4), (2, 3, 8)]):
        for k in range(2):
            for r in range(rows):
                for c in range(columns):
                    inside = masks[0][k, r * side : (r + 1) * side, c * side : (c + 1) * side].sum()
                    assert found[f"overlap{number}"][k, r * columns + c] == inside


def test_large_models_travel_in_half_precision_and_written_out_ones_as_maps(parts, monkeypatch):
    models, images, _ = parts
    monkeypatch.setattr(attention_viewer, "EXACT_BYTES", 10)
    assert viz.AttentionViewer(models, images).answer({"image": 0})["queries0"].dtype == np.float16

    class WritesItOut(torch.nn.Module):
        def forward(self, images):
            return torch.rand(1, 2, 7, 7, generator=torch.Generator().manual_seed(0)).softmax(-1)

    found = viz.AttentionViewer(WritesItOut(), images, patch_size=8, prefix=1)
    assert found.answer({"image": 0})["maps0"].shape == (1, 2, 7, 7)


def test_words_numbers_and_table_agree(parts, viewer):
    models, images, masks = parts
    viewer.choose(image=1, layer=0, head=1, query=5, mass=0.4)
    assert viewer.query_in_words() == "the patch in row 0, column 3"
    model = models["small patches"]
    row = model.attention_rows(images[1:2], 5, 0)[0, 0, 1]
    table = viewer.table()
    mine = table[(table["model"] == "small patches") & (table["head"] == 1)]
    assert np.allclose(mine["attention"], row[2:], atol=1e-6)
    assert mine["mask"].tolist() == mass_mask(row[2:], 0.4).tolist()
    place = int(row[2:].argmax())
    assert (
        f"{100 * float(row[2:].max()):.1f} %, from row {place // 6}, column {place % 6}" in viewer.sentence()
    )
    assert f"{100 * float(row[:2].sum()):.1f} % from CLS and registers" in viewer.sentence()
    maps = model.attention_rows(images[1:2], 5, 0)[0, :, :, 2:].unflatten(2, (4, 6))
    expected = attention_jaccard(maps, [masks[1]], 4, 0.4)
    head, best = viewer.jaccard()["small patches"]
    assert head == pytest.approx(float(expected.per_head[1]))
    assert best == pytest.approx(expected.best_head)


def test_models_with_other_patches_are_asked_at_the_same_place(parts, viewer):
    """Patch (3, 5) of 4 x 6 small patches is patch (1, 2) of 2 x 3 large ones; a register becomes CLS."""
    models, images, _ = parts
    viewer.choose(layer=1, query=2 + 3 * 6 + 5)
    expected = models["large patches"].attention_rows(images[:1], 1 + 1 * 3 + 2, 1)[0, 0, :, 1:]
    assert torch.allclose(viewer.rows()["large patches"][0].flatten(1), expected, atol=1e-6)
    viewer.choose(query=1)
    expected = models["large patches"].attention_rows(images[:1], 0, 1)[0, 0, :, 1:]
    assert torch.allclose(viewer.rows()["large patches"][0].flatten(1), expected, atol=1e-6)


def test_a_perfect_head_has_jaccard_one():
    """Queries and keys such that CLS looks at the object's patches and at nothing else."""

    class Perfect(torch.nn.Module):
        def forward(self, images):
            keys = torch.zeros(1, 1, 10, 1)
            keys[:, :, [1, 2, 4, 5]] = 50.0  # patches 0, 1, 3, 4 of a 3 x 3 grid
            torch.nn.functional.scaled_dot_product_attention(torch.ones(1, 1, 10, 1), keys, keys)

    mask = torch.zeros(1, 12, 12, dtype=torch.bool)
    mask[0, :8, :8] = True
    viewer = viz.AttentionViewer(
        Perfect(), torch.rand(1, 3, 12, 12), [mask], patch_size=4, prefix=1, state={"mass": 1.0}
    )
    viewer.choose(mass=0.99)
    assert viewer.jaccard()["Perfect"] == (1.0, 1.0)


def test_the_state_travels_both_ways_and_requests_are_answered(viewer):
    live = viewer.widget
    assert live is viewer.widget
    assert live.state == viewer.state
    live.set_state({"state": viewer.state | {"query": 3, "head": 1}})  # as the browser sends it
    assert (viewer.state["query"], viewer.state["head"]) == (3, 1)
    assert viewer.query_in_words() == "the patch in row 0, column 1"
    viewer.choose(layer=0)
    assert live.state["layer"] == 0
    sent = []
    live.send = lambda content, buffers=None: sent.append((content, buffers))
    live._handle_custom_msg({"id": 4, "request": {"image": 1}}, [])
    live._handle_custom_msg({"id": 5, "request": {"image": 9}}, [])
    (answer, buffers), (refusal, _) = sent
    assert answer["id"] == 4
    place = answer["arrays"]["keys1"]
    keys = np.frombuffer(buffers[0], np.float32, int(np.prod(place["shape"])), place["offset"])
    assert np.array_equal(keys.reshape(place["shape"]), viewer.answer({"image": 1})["keys1"])
    assert refusal == {"id": 5, "error": "AttentionViewer: image is 9; there are 3, from 0."}
    viewer.close()
    assert viewer.state["layer"] == 0


def test_a_hundred_viewers_leave_nothing_on_the_model(parts):
    models, images, _ = parts
    model = models["large patches"]
    for _ in range(100):
        viewer = viz.AttentionViewer(model, images)
        assert viewer.widget is not None
        viewer.close()
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    assert not any(getattr(module, kind) for module in model.modules() for kind in kinds)
    assert len(viewer._readings) <= 4


def test_the_saved_page_holds_everything_and_fetches_nothing(viewer, tmp_path):
    page = viewer.save_html(tmp_path / "viewer.html").read_text("utf-8")
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page
    assert "default-src &#x27;none&#x27;" in page

    for image in range(3):
        assert f'{{\\"image\\":{image}}}' in page
    assert viewer.alt_text in page
    with pytest.raises(ValueError, match="is a folder; give the name of a file"):
        viewer.save_html(tmp_path)


def test_static_basic_and_live_are_chosen_by_the_environment(viewer, monkeypatch):
    monkeypatch.delenv("COURSE_BUILDING", raising=False)
    assert view.mode() == "live"
    monkeypatch.setenv("COURSE_BUILDING", "1")
    assert view.mode() == "static"
    monkeypatch.setenv("COURSE_WIDGETS", "basic")
    assert view.mode() == "basic"
    monkeypatch.setenv("COURSE_WIDGETS", "holograms")
    with pytest.raises(ValueError, match='COURSE_WIDGETS is "holograms"; choose one of live, basic, static'):
        view.mode()


def test_a_live_view_takes_a_picture_with_alt_text_along(viewer, monkeypatch):
    shown = []
    monkeypatch.setenv("COURSE_WIDGETS", "live")
    monkeypatch.setattr("IPython.display.display", lambda *args, **more: shown.append((args, more)))
    viewer._ipython_display_()
    (bundle,), how = shown[0]
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/html", "text/plain"}
    assert viewer.alt_text[:40] in bundle["text/html"]
    assert how["metadata"]["image/png"]["alt"] == viewer.alt_text


def test_basic_controls_follow_the_sliders(viewer):
    box = viewer.basic()
    sliders = {child.description: child for child in box.children[:5]}
    pictures = [column.children[1] for column in box.children[5].children]
    before = [picture.value for picture in pictures]
    sliders["query"].value = 9
    assert all(picture.value != old for picture, old in zip(pictures, before, strict=True))
    assert viewer.state["query"] == 9
    assert "row 1, column 1" in box.children[6].value
    sliders["head"].value = -1
    assert "mean of all heads" in box.children[6].value


def test_an_overlay_is_the_picture_where_it_is_transparent():
    import io

    from PIL import Image

    image = np.full((3, 4, 8), 0.5)
    found = np.asarray(Image.open(io.BytesIO(overlay_jpeg(image, np.eye(2), 0.0, side=20))))
    assert found.shape == (20, 40, 3)
    assert np.abs(found.astype(int) - 127).max() <= 2


def test_bad_input_is_a_sentence(parts):
    models, images, masks = parts
    four = dict.fromkeys("abcd", models["small patches"])
    with pytest.raises(ValueError, match="4 models were given; one to 3 fit"):
        viz.AttentionViewer(four, images)
    with pytest.raises(ValueError, match=r"give one \(K, 16, 24\) for each of the 3 images"):
        viz.AttentionViewer(models, images, masks[:2])
    with pytest.raises(ValueError, match="ResNet has no attention over patches"):
        viz.AttentionViewer(resnet(), images)
    with pytest.raises(ValueError, match="layer is 2; the models have 2"):
        viz.AttentionViewer(models, images, state={"layer": 2})
    viewer = viz.AttentionViewer(models, images)
    with pytest.raises(ValueError, match="head is 7, query is 0; there are 2 heads"):
        viewer.choose(head=7)
    with pytest.raises(ValueError, match="there is no colour; choose of image, layer"):
        viewer.choose(colour="red")
    with pytest.raises(ValueError, match="no masks were given"):
        viewer.jaccard()
    with pytest.raises(TypeError, match="weights is float64; the browser reads"):
        view.layout({"weights": np.zeros(2)})

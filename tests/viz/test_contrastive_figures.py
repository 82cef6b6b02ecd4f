"""Figures of the contrastive lecture: what was given is drawn, and titles and alt texts say its numbers."""

import io
import math

import numpy as np
import pandas as pd
import pytest
import torch

from course_lib.viz import contrastive_figures as figures
from course_lib.viz import contrastive_results as results


@pytest.fixture
def drawn():
    """Render a figure (a broken label or layout raises here) and give it back with its alt text checked."""

    def draw(figure):
        figure.savefig(io.BytesIO(), format="png", dpi=40)
        assert len(figure.alt_text) > 40
        assert figure.alt_text.endswith(".")
        return figure

    return draw


def test_pixels_are_channels_last_and_in_zero_to_one():
    image = torch.arange(24, dtype=torch.uint8).reshape(3, 2, 4)
    pixels = figures.as_pixels(image)
    assert pixels.shape == (2, 4, 3)
    assert pixels[1, 2, 1] == pytest.approx(int(image[1, 1, 2]) / 255)
    assert figures.as_pixels(image.float() / 24).max() <= 1
    with pytest.raises(ValueError, match="shape"):
        figures.as_pixels(torch.zeros(1, 2, 4))


def test_pairs_join_one_positive_and_all_negatives(drawn):
    images, views = torch.rand(3, 3, 8, 8), torch.rand(3, 3, 8, 8)
    figure = drawn(figures.pairs(images, views, views))
    styles = [patch.get_linestyle() for patch in figure.patches or figure.artists]
    assert sorted(styles) == ["-", "--", "--"] or sorted(styles) == ["--", "--", "-"]


def test_score_gap_reports_the_difference_at_both_ends(drawn):
    positive = np.r_[0.9, np.full(50, 0.8)]
    negative = np.r_[0.7, np.full(50, 0.1)]
    figure = drawn(figures.score_gap(positive, negative))
    assert "0.20 → 0.70" in figure.axes[0].get_title()
    assert "from 0.20 at the first step to 0.70" in figure.alt_text


def test_score_matrices_measure_the_gap_between_pair_blocks_and_the_rest(drawn):
    images = 4
    pair = np.kron(np.eye(images), np.ones((2, 2)))  # 1 within an image, 0 elsewhere
    figure = drawn(figures.score_matrices(np.full((8, 8), 0.3), 0.9 * pair - 0.1 * (1 - pair)))
    assert figure.axes[0].get_title().endswith("gap 0.00")
    assert figure.axes[1].get_title().endswith("gap 1.00")


def test_self_similarity_is_no_part_of_the_gap():
    lonely = np.eye(8)  # every view is similar to itself only
    figure = figures.score_matrices(lonely, lonely)
    assert figure.axes[1].get_title().endswith("gap 0.00")


def test_information_bound_draws_a_ceiling_for_each_n(drawn):
    rows = [(n, info, min(info, math.log(n))) for n in (4, 64) for info in (0.5, 2.0, 6.0)]
    figure = drawn(
        figures.information_bound(pd.DataFrame(rows, columns=["candidates", "information", "bound"]))
    )
    flat = {round(line.get_ydata()[0], 6) for line in figure.axes[0].lines if line.get_linestyle() == ":"}
    assert flat == {round(math.log(4), 6), round(math.log(64), 6)}


def test_gallery_letters_its_panels_in_order(drawn):
    figure = drawn(figures.gallery({name: torch.rand(3, 8, 8) for name in ("one", "two", "three", "four")}))
    assert [axis.get_title() for axis in figure.axes] == ["(a) one", "(b) two", "(c) three", "(d) four"]


def test_sharpening_draws_the_softmax_with_the_positive_first(drawn):
    scores = [0.5, 0.1, 0.6, -0.3]
    figure = drawn(figures.sharpening(scores, (0.1, 1.0)))
    for axis, temperature in zip(figure.axes, (0.1, 1.0), strict=True):
        weights = torch.softmax(torch.tensor(scores) / temperature, 0)
        heights = [bar.get_height() for bar in axis.patches]
        assert heights == pytest.approx(weights[[0, 2, 1, 3]].tolist(), rel=1e-5)  # negatives hardest first


def test_queue_says_when_it_is_full_and_how_old_its_keys_get(drawn):
    size, batch, ages, born = 12, 3, [], np.full(12, np.nan)
    for step in range(9):
        born[(step * batch) % size :][:batch] = step
        ages.append(step - born)
    figure = drawn(figures.queue_ages(np.array(ages)))
    assert "full at step 3; its oldest key is then 3 steps old" in figure.axes[0].get_title()


def test_half_of_the_key_encoder_is_older_than_the_half_life(drawn):
    figure = drawn(figures.ema_memory((0.9, 0.99)))
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    for momentum, curve in zip((0.9, 0.99), curves, strict=True):
        half_life = math.log(2) / (1 - momentum)
        at_half_life = np.interp(half_life, curve.get_xdata(), curve.get_ydata())
        assert at_half_life == pytest.approx(100 * momentum**half_life, abs=0.5)
        assert at_half_life == pytest.approx(
            50, abs=2
        )  # ln 2 / (1 - m) is the small-step form of the half-life
    assert "69 steps" in figure.alt_text


def test_framework_describes_boxes_and_links_without_markup(drawn):
    figure = drawn(
        figures.framework([["$x_{1}$", "f"], ["$x_{2}$", "f"]], [((0, 1), (1, 1), "shared", "-")], "Twins")
    )
    assert figure.alt_text == "Twins. Diagram: x_1 to f; x_2 to f. Dashed: f and f: shared."


def test_names_of_lines_never_overlap_and_keep_their_order():
    _, axis = figures.panels()
    axis.set_ylim(0, 100)
    placed = results.name_ends(
        axis, [("a", 1, 50.0, "k"), ("b", 1, 49.0, "k"), ("c", 1, 90.0, "k"), ("d", 1, 50.5, "k")]
    )
    assert placed[1] < placed[0] < placed[3] < placed[2]
    assert min(np.diff(sorted(placed))) >= 6.4


def test_kept_information_names_what_h_has_more_of(drawn):
    more = {"kind": 0.3, "place": -0.1}
    rows = [
        {
            "head": head,
            "layer": layer,
            "attribute": name,
            "accuracy": 0.5 + (layer == "h") * gain,
            "chance": 0.1,
        }
        for head in ("linear", "MLP")
        for layer in "hz"
        for name, gain in more.items()
    ]
    figure = drawn(results.kept_information(pd.DataFrame(rows)))
    assert "more than z: kind (" in figure.get_suptitle()
    assert "kind +30; place -10" in figure.alt_text


def test_few_labels_has_a_tick_at_every_count(drawn):
    rows = [(m, n, 0.5, 0.4, 0.6) for m in ("a", "b") for n in (1, 5, 20)]
    table = pd.DataFrame(rows, columns=["method", "labels_per_class", "mean", "low", "high"])
    figure = drawn(results.few_labels(table, "title"))
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "5", "20"]
    assert "At 20 labels: a 50 %, b 50 %" in figure.alt_text


def test_batch_figure_counts_negatives_and_gains(drawn):
    rows = [(b, e, 0.3 + 0.1 * (b == 64) * e + 0.01 * s) for b in (8, 64) for e in (1, 2) for s in (0, 1)]
    figure = drawn(results.batch_and_epochs(pd.DataFrame(rows, columns=["batch", "epochs", "accuracy"]), 0.2))
    assert figure.axes[0].get_xticklabels()[0].get_text() == "8\n14"
    assert "+10.0 points (epochs: 1), +20.0 (epochs: 2)" in figure.axes[0].get_title()


def test_momentum_figure_names_the_best_mean(drawn):
    rows = [(0.0, 0.3), (0.9, 0.5), (0.9, 0.3), (0.99, 0.45)]  # one good run does not win
    figure = drawn(
        results.momentum_sweep(pd.DataFrame(rows, columns=["momentum", "accuracy"]), {0.9: 55.2, 0.999: 59.0})
    )
    assert figure.axes[0].get_title() == "here: best at m = 0.99"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0", "0.9", "0.99", "0.999"]


def test_composition_names_the_best_pair_and_skips_what_was_not_run(drawn):
    matrix = np.array([[0.3, 0.5], [0.5, np.nan]])
    figure = drawn(results.composition(matrix, ["crop", "colour"]))
    assert figure.axes[0].get_title() == "Best: crop + colour, 50.0 %"
    assert len(figure.axes[0].texts) == 3
    assert figure.alt_text.endswith("crop 30.0 %; crop + colour 50.0 %.")


def test_shuffle_leak_compares_probe_means(drawn):
    rows = [
        (s, seed, [0.1, 0.5], 0.4 - 0.1 * (not s) + 0.02 * seed) for s in (True, False) for seed in (0, 1)
    ]
    figure = drawn(
        results.shuffle_leak(pd.DataFrame(rows, columns=["shuffle", "seed", "pretext", "accuracy"]), 0.01)
    )
    assert figure.axes[1].get_title() == "Probe: -10.0 points unshuffled"
    assert "41.0 % shuffled, 31.0 % not shuffled" in figure.alt_text


def test_switches_go_from_all_off_to_all_on(drawn):
    rows = [(a, b, 0.3 + 0.1 * a + 0.05 * b) for a in (False, True) for b in (True, False)]
    figure = drawn(
        results.switches(pd.DataFrame(rows, columns=["mlp", "cos", "accuracy"]), ("mlp", "cos"), 0.2)
    )
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["·\n·", "mlp\n·", "·\ncos", "mlp\ncos"]
    assert figure.axes[0].get_title().startswith("All on against all off: +15.0 points")

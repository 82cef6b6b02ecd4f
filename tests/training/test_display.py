"""What a run shows: constant text and a picture in a notebook, one line in a terminal, a figure."""

import base64
import math
import re
import sys
import types

import numpy as np
import pandas
import pytest

from course_lib.training import display, learning_curve

from .stand_ins import Queue
from .test_fit import quick


def history(losses, measured=(2, 4)):
    steps = np.arange(1, len(losses) + 1)
    spread = np.where(np.isin(steps, measured), 0.5, math.nan)
    return pandas.DataFrame(
        {"step": steps, "loss": losses, "feature_std": spread, "effective_rank": spread * 10}, dtype=float
    )


class Handle:
    """Stands for IPython's display handle."""

    def __init__(self, shown):
        self.shown = shown

    def update(self, bundle, raw, metadata):
        self.shown.append((bundle, metadata))


@pytest.fixture
def notebook(monkeypatch):
    """A pretended Jupyter kernel; everything displayed is collected."""
    shown = []
    module = types.ModuleType("IPython")
    module.version_info = (9, 0)
    module.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    module.display = types.ModuleType("IPython.display")

    def show(bundle, raw, display_id):
        assert raw
        assert display_id
        shown.append((bundle, {}))
        return Handle(shown)

    module.display.display = show
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", module.display)
    return shown


def test_a_notebook_sees_one_picture_with_constant_text_and_alt(notebook, tmp_path, capfd):
    quick(Queue(), show=True, folder=tmp_path / "a")
    quick(Queue(), show=True, folder=tmp_path / "b", seed=1)
    assert capfd.readouterr() == ("", "")
    texts = {bundle["text/plain"] for bundle, _ in notebook}
    assert len(texts) == 1
    assert "ln B" in texts.pop()
    last, metadata = notebook[-1]
    assert base64.b64decode(last["image/png"])[:4] == b"\x89PNG"
    assert "loss against step" in metadata["image/png"]["alt"]
    assert set(last) == {"text/plain", "image/png"}


def test_the_live_picture_is_redrawn_by_the_clock(notebook, monkeypatch, tmp_path):
    monkeypatch.setattr(display.NotebookFigure, "every", 0.0)
    clock = iter(range(10**6))
    monkeypatch.setattr(display, "time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    quick(Queue(), steps=120, show=True, folder=tmp_path)
    assert 3 <= sum("image/png" in bundle for bundle, _ in notebook) <= 20  # far from one for each step


def test_a_terminal_sees_the_setting_and_one_line(tmp_path, capfd):
    quick(Queue(), show=True, folder=tmp_path)
    out, err = capfd.readouterr()
    assert out == ""
    lines = [line for line in err.split("\n") if line.strip()]
    assert lines[0].strip() == "fit: Queue, float32, 6 steps of 5 images"
    assert len(lines) == 2
    last = lines[1].split("\r")[-1]
    assert re.search(r"Queue 100% \|.*\| 6/6 steps, loss \d+\.\d{3}, [\d,]+ images/s, 0:00 left", last)


def test_outside_a_kernel_there_is_no_notebook():
    assert not display.in_notebook()
    assert type(display.pick(False, "x", 1, 1, {})) is display.Silent


def test_time_left_is_proportional_to_what_is_left(monkeypatch):
    clock = iter([0.0, 0.0, 30.0])
    monkeypatch.setattr(display, "time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    progress = display.Progress("x", total=100, batch_size=256, stuck_values={})
    progress.start(0)
    rows = [[step, 0.5 * step, 2.0, 0.1, math.nan, math.nan] for step in range(1, 26)]
    assert progress.words(rows, 25) == ("loss 2.000", "512 images/s", "1:30 left")


def lines(figure):
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_the_curve_draws_the_stuck_values_near_it_with_their_names():
    figure = learning_curve(
        history([6.3, 6.24, 6.2, 5.9, 5.5]), {"ln(2B-1)": 6.236, "ln(K+1)": 20.0}, "SimCLR"
    )
    assert lines(figure) == {"ln(2B-1) = 6.24: nothing learned"}
    loss = figure.axes[0]
    assert any(line.get_linestyle() == "--" and line.get_ydata()[0] == 6.236 for line in loss.lines)
    assert loss.get_title() == "SimCLR: loss 6.30 to 5.50 in 5 steps"
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("step", "loss")
    assert all(axes.get_ylabel() for axes in figure.axes)


def test_the_curve_draws_the_health_only_where_it_was_measured():
    figure = learning_curve(history([3.0, 2.0, 1.5, 1.2]), {}, "x")
    spread, rank = (axes.lines[0].get_xydata() for axes in figure.axes[1:])
    assert spread.tolist() == [[2, 0.5], [4, 0.5]]
    assert rank.tolist() == [[2, 5.0], [4, 5.0]]


def test_an_empty_history_is_still_a_figure(tmp_path):
    figure = learning_curve(history([]), {"ln B": 1.0}, "SimCLR")
    assert figure.axes[0].get_title() == "SimCLR"
    figure.savefig(tmp_path / "empty.png")


def test_run_plot_is_the_curve_of_the_run(tmp_path):
    run = quick(Queue(), folder=tmp_path)
    assert run.plot().axes[0].get_title().startswith("Queue: loss ")

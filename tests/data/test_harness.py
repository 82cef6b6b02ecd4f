"""The timing harness of benchmarks/: what it reports must follow from what it timed."""

import importlib.util
import json
import sys

import pytest


@pytest.fixture
def harness(root):
    spec = importlib.util.spec_from_file_location("harness", root / "benchmarks" / "harness.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["harness"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["harness"]


@pytest.fixture
def clock(harness, monkeypatch):
    """A clock that only the candidates move: results are exact."""
    now = {"wall": 0.0, "cpu": 0.0}
    monkeypatch.setattr(harness.time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(harness.time, "process_time", lambda: now["cpu"])

    def spend(wall, cpu):
        def run():
            now["wall"] += wall
            now["cpu"] += cpu

        return run

    return spend


def test_ratios_are_per_round_and_per_unit(harness, clock, tmp_path):
    drift = iter([1, 1, 1, 2, 4] + [1] * 5)  # warm-up, then rounds 1 to 4; the clock of both doubles twice
    state = {"factor": 1}

    def fast():
        state["factor"] = next(drift)
        clock(2.0 * state["factor"], 1.0 * state["factor"])()

    report = harness.compare(
        "toy",
        {
            "fast": harness.Candidate(fast, work=10),
            "slow": harness.Candidate(clock(3.0, 3.0), work=5),
        },
        reference="fast",
        unit="images",
        rounds=4,
        warmup=1,
        results=tmp_path,
    )
    fast_row, slow_row = report["rows"]
    assert fast_row["cpu_ratio"] == {"median": 1, "min": 1, "max": 1}
    # 0.6 s per image over 0.1 x (1, 1, 2, 4)
    assert slow_row["cpu_ratio"]["max"] == pytest.approx(6)
    assert slow_row["cpu_ratio"]["min"] == pytest.approx(1.5)
    assert slow_row["cpu_ratio"]["median"] == pytest.approx((6 + 3) / 2)
    assert slow_row["wall_ratio"]["max"] == pytest.approx(3)
    assert slow_row["images_per_cpu_second"]["median"] == pytest.approx(5 / 3)
    assert json.loads((tmp_path / "toy.json").read_text()) == report
    table = (tmp_path / "toy.md").read_text()
    assert "| slow | 1.67 | 4.50 (1.50 to 6.00) | 2.25 (0.75 to 3.00) |" in table
    assert sorted(file.name for file in tmp_path.iterdir()) == ["toy.json", "toy.md"]


def test_candidates_are_interleaved_and_their_order_rotates(harness, tmp_path):
    calls = []
    candidates = {name: (lambda name=name: calls.append(name)) for name in "abc"}
    harness.compare("order", candidates, reference="a", rounds=3, warmup=0, results=tmp_path)
    assert calls == list("abc" + "bca" + "cab")


def test_preparation_is_not_timed(harness, clock, tmp_path):
    ready = harness.Candidate(clock(1.0, 1.0), prepare=clock(100.0, 100.0))
    report = harness.compare("p", {"a": ready}, reference="a", rounds=3, results=tmp_path)
    assert report["rows"][0]["calls_per_cpu_second"]["median"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"reference": "b"}, "reference is 'b'; one of 'a'"),
        ({"reference": "a", "rounds": 1}, "rounds is 1; at least 3"),
    ],
)
def test_bad_arguments(harness, tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        harness.compare("x", {"a": int}, results=tmp_path, **arguments)


def test_a_row_in_words_leaves_out_the_reference(harness, clock, tmp_path):
    candidates = {"ours": clock(1.0, 2.0), "theirs": clock(3.0, 3.0)}
    report = harness.compare("toy", candidates, reference="ours", rounds=3, results=tmp_path)
    assert harness.times_as_long(report, "wall_ratio") == "theirs **3.00** (3.00 to 3.00)"
    assert harness.times_as_long(report, "cpu_ratio") == "theirs **1.50** (1.50 to 1.50)"

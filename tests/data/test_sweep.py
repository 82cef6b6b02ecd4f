"""The resumable sweep and the scoreboard's table, on made-up records."""

import importlib.util
import json
import sys

import pytest


@pytest.fixture
def benchmarks(root, monkeypatch):
    """A function that loads a file of benchmarks/, not by name: tests/methods is called methods as well."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    before = set(sys.modules)

    def load(name):
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", root / "benchmarks" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in {"harness", "sweep"} & (set(sys.modules) - before):
        del sys.modules[name]


def test_the_file_is_whole_after_every_record_and_a_job_is_done_only_with_the_same_settings(
    benchmarks, tmp_path
):
    module = benchmarks("sweep")
    append, is_done, read = module.append, module.is_done, module.read
    file = tmp_path / "new" / "records.json"
    assert read(file) == []
    append(file, {"method": "a", "seed": 0, "accuracy": 0.5})
    append(file, {"method": "b", "seed": 0, "accuracy": 0.25})
    assert [record["method"] for record in json.loads(file.read_text())["records"]] == ["a", "b"]
    assert is_done({"method": "a", "seed": 0}, read(file))
    assert not is_done({"method": "a", "seed": 1}, read(file))
    assert not is_done({"method": "a", "seed": 0, "images": 100}, read(file))  # settings added since
    assert [path.name for path in file.parent.iterdir()] == ["records.json"]


def records(linear, method, family="resnet", images=25_600):
    """One record per seed."""
    return [
        {
            "method": method,
            "family": family,
            "seed": seed,
            "images": images,
            "linear": value,
            "knn": value,
            "images_per_second": 10.0,
        }
        for seed, value in enumerate(linear)
    ]


def test_the_gain_is_paired_with_the_random_encoder_of_the_same_seed_and_family(benchmarks):
    summary = benchmarks("methods").summary
    rows = records([20, 30, 40], "random") + records([25, 35, 45], "simclr") + records([50], "random", "vit")
    rows += records([60], "mae", "vit")
    table = summary(rows).set_index(["encoder", "method"])
    assert table.loc[("resnet", "simclr"), "gain"] == pytest.approx(5)
    assert table.loc[("resnet", "simclr"), "low"] == pytest.approx(5)  # every pair gained 5: no spread
    assert table.loc[("vit", "mae"), "gain"] == pytest.approx(10)
    assert table.loc[("vit", "mae"), "low"] != table.loc[("vit", "mae"), "low"]  # one seed has no interval
    assert table.loc[("resnet", "simclr"), "published"] == 63.2
    assert list(summary(rows + records([99], "byol", images=128))["method"]) == list(summary(rows)["method"])
    assert table.loc[("vit", "mae"), "published"] == 84.1  # of a ViT, as the encoder is
    assert table.loc[("vit", "random"), "published"] != table.loc[("vit", "random"), "published"]


def test_the_page_names_the_rank_correlation_and_leaves_no_cell_empty(benchmarks):
    module = benchmarks("methods")
    rows = records([20.0], "random")
    for linear, name in ((22, "rotation"), (30, "simclr"), (35, "swav"), (21, "dino")):
        rows += records([linear], name)
    page = module.markdown(module.summary(rows))
    # ranks 1 2 3 4 there, 2 3 4 1 here: 1 - 6 * 12 / 60; tanh(atanh(-0.2) -+ 1.96 sqrt(1.02 / 1))
    assert ": -0.20 (95 %: -0.97 to 0.94, n = 4)" in page
    body = [line for line in page.splitlines() if line.startswith("| resnet")]
    assert len(body) == 5
    assert all("||" not in line.replace(" ", "") and "nan" not in line for line in body)


def test_transformers_have_published_rows_and_a_rank_correlation_of_their_own(benchmarks):
    module = benchmarks("methods")
    rows = records([20.0], "random") + records([30], "simclr")
    for family, linear, name in (("vit", 22, "dino"), ("vit", 30, "simclr"), ("vit_mean", 10, "mae")):
        rows += records([5.0], "random", family) + records([linear], name, family)
    page = module.markdown(module.summary(rows))
    assert "- vit: Imagenette" in page
    assert ": -0.50 (n = 3)" in page
    assert "lightly, 100 epochs; pretext tasks: mmselfsup).\n" in page  # one ResNet has no correlation
    assert all("| 63.2 |" not in line for line in page.splitlines() if line.startswith("| vit"))


def test_the_page_says_which_methods_do_not_beat_their_untrained_encoder(benchmarks):
    module = benchmarks("methods")
    rows = records([20.0, 21.0, 22.0], "random")
    for name, gained in (("simclr", (9, 10, 11)), ("byol", (-5, 1, 6)), ("swav", (-3, -4, -5))):
        rows += records([base + gain for base, gain in zip((20.0, 21.0, 22.0), gained, strict=True)], name)
    said = "\n".join(module.verdicts(module.summary(rows)))
    assert "(the interval lies above zero): simclr (resnet)." in said
    assert "Not told apart from it: byol (resnet)." in said
    assert "Below it: swav (resnet)." in said
    assert "mae_vit: 192,000 images, linear probe +6.3 points" in said


def test_longer_runs_stand_below_the_table_and_not_in_it(benchmarks):
    module = benchmarks("methods")
    rows = records([20.0, 21.0], "random") + records([22.0, 23.0], "byol")
    page = module.markdown(module.summary(rows))
    assert "Longer runs" not in page
    longer = records([40.0], "byol", images=192_000) + records([40.0], "byol", "vit_mean", images=192_000)
    again = module.markdown(module.summary(rows + longer))
    said = "- byol (resnet), seed 0: 192,000 images, linear probe +20.0 points over the untrained encoder"
    assert said in again
    assert "byol (vit_mean)" not in again  # which has no untrained encoder here
    assert again.split("Published:")[0] == page.split("Published:")[0]
    assert {job["images"] for job in module.plan([0], 192_000)} == {192_000}


def test_every_job_of_the_plan_has_a_recipe(benchmarks):
    from course_lib.training.recipe import RECIPES

    jobs = benchmarks("methods").plan([0, 1])
    assert len({json.dumps(job) for job in jobs}) == len(jobs)
    for job in jobs:
        assert job["method"] == "random" or job["family"] in RECIPES[job["method"]].families

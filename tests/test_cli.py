"""The ``course`` command: finds its checkout, speaks in sentences, starts JupyterLab headless."""

import os
import subprocess
from pathlib import Path

import pytest

from course_lib import cli


def test_the_checkout_is_found_from_any_folder_below_it(tmp_path):
    (tmp_path / "labs" / "source").mkdir(parents=True)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert cli.course_root(deep) == tmp_path.resolve()


def test_a_copy_handed_out_without_sources_is_found_too(tmp_path, monkeypatch):
    (tmp_path / "course_lib" / "lab" / "bundles").mkdir(parents=True)
    (tmp_path / "labs").mkdir()
    assert cli.course_root(tmp_path / "labs") == tmp_path.resolve()
    (tmp_path / cli.FIRST_LAB).write_text("{}")
    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command[4]))
    monkeypatch.chdir(tmp_path / "labs")
    cli.main(["lab"])
    assert started == [cli.FIRST_LAB]


def test_another_notebook_is_opened_by_its_place_in_the_checkout(root, tmp_path, monkeypatch):
    (tmp_path / "labs" / "source").mkdir(parents=True)
    (tmp_path / "labs" / "mine.ipynb").write_text("{}")
    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    monkeypatch.chdir(tmp_path)
    cli.main(["lab", "--notebook", "labs/mine.ipynb", "--no-browser"])
    assert started[0][4] == "labs/mine.ipynb"
    assert started[0][-1] == "--no-browser"


def test_outside_a_checkout_the_error_is_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["build", "--check"]) == 2
    message = capsys.readouterr().err
    assert "is not inside a checkout of the course" in message
    assert "Traceback" not in message


def test_lab_starts_jupyterlab_at_the_first_lab_with_the_users_own_options(root, monkeypatch):
    started = {}
    monkeypatch.setattr(
        os, "execv", lambda program, command: started.update(program=program, command=command)
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", "/usr/bin")
    cli.main(["lab", "--no-browser", "--port", "8899"])
    command = started["command"]
    assert command[1:5] == ["-m", "jupyter", "lab", "labs/03_contrastive.ipynb"]
    assert command[-3:] == ["--no-browser", "--port", "8899"]
    assert ("--allow-root" in command) == (os.geteuid() == 0)


def test_a_missing_notebook_is_a_sentence(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert cli.main(["lab", "--notebook", "labs/99_nothing.ipynb"]) == 2
    assert "there is no labs/99_nothing.ipynb" in capsys.readouterr().err


def test_unknown_options_are_refused_outside_lab(capsys):
    with pytest.raises(SystemExit):
        cli.main(["data", "--no-browser"])


def test_data_lists_every_dataset_with_a_way_to_get_it(capsys):
    assert cli.main(["data"]) == 0
    text = capsys.readouterr().out
    for name in ("world", "fashion-mnist", "cifar-10", "stl-10", "imagenette", "flowers", "pets"):
        assert name in text


def test_unknown_benchmark_is_a_sentence(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert cli.main(["bench", "nothing"]) == 2
    assert "unknown benchmark nothing" in capsys.readouterr().err


def test_benchmarks_are_listed_and_none_is_run_without_a_name(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    monkeypatch.setattr(subprocess, "call", lambda *a, **k: pytest.fail("a benchmark was started"))
    assert cli.main(["bench"]) == 0
    listed = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert {"arena", "losses", "world", "contrastive_ablation"} <= set(listed)
    assert not {"sweep", "harness", "readme_table", "__init__"} & set(listed)
    assert "1,000,000 battles" in listed["arena"]


def test_first_lab_is_a_student_copy():
    assert Path(cli.FIRST_LAB).parts[0] == "labs"

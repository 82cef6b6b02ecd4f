"""Grading on a Dask cluster: the same results, also when one of its workers is killed in the middle."""

import os
import signal

import pytest

from course_lib import grading
from course_lib.grading import executors
from course_lib.grading.keeping.ledger import GraderError

from .conftest import LAB, save, student

distributed = pytest.importorskip("distributed")
NUMBER = 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("dask"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=folder
    ) as running:
        yield running


def address(cluster):
    return cluster.scheduler_address.replace("tcp://", "dask://")


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_every_result_once(built, tmp_path, cluster):
    folder = tmp_path / "in"
    for number in range(NUMBER):
        divisor = "len(numbers)" if number % 2 else "3"
        source = f"# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / {divisor}  # {number}"
        save(student(built, x90_1=source), folder / f"student_{number}.ipynb")
    killed = []

    def say(sentence):
        if sentence.startswith("1 of ") and not killed:
            with distributed.Client(cluster, set_as_default=False) as client:
                killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    options = {"root": built, "allow_unsandboxed": True, "provisioner": "local-provisioner", "say": say}
    summary = grading.grade(LAB, folder, tmp_path / "out", executor=address(cluster), **options)
    assert killed
    assert summary.complete
    found = {(row["student"], row["exercise"]): row["points"] for row in summary.rows}
    expected = {(f"student_{n}", "90.1"): 40 * (n % 2) for n in range(NUMBER)}
    assert found == expected | {(f"student_{n}", "90.2"): 60 for n in range(NUMBER)}
    assert len(list((tmp_path / "out" / "attempts").iterdir())) == NUMBER


@pytest.mark.slow
def test_the_isolation_is_that_of_the_weakest_worker(cluster, monkeypatch):
    place = executors.named(address(cluster), 1)
    levels = {"a": ("x", "full", ""), "b": (None, "none", ""), "c": ("x", "partial", "")}
    monkeypatch.setattr(place.client, "run", lambda function: levels)
    assert place.isolation()[1] == "none"
    place.close()


@pytest.mark.slow
def test_a_worker_with_other_packages_is_refused(cluster, monkeypatch):
    here = executors.versions_here()
    there = {"tcp://there:1": here, "tcp://there:2": here | {"numpy": "0.1"}}
    monkeypatch.setattr(distributed.Client, "run", lambda self, function, on_error: there)
    expected = rf"worker tcp://there:2 .*: numpy 0\.1 \(here {here['numpy']}\)\. Install the same"
    with pytest.raises(GraderError, match=expected):
        executors.named(address(cluster), 1)
    there["tcp://there:2"] = ModuleNotFoundError("No module named 'course_lib'")
    with pytest.raises(GraderError, match=r"tcp://there:2 .* cannot run this library .*'course_lib'\)\. Ins"):
        executors.named(address(cluster), 1)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_a_sentence(monkeypatch, free_port):
    monkeypatch.setattr(executors, "CONNECT", "1s")
    with pytest.raises(GraderError, match=f"No Dask scheduler answers at localhost:{free_port}"):
        executors.named(f"dask://localhost:{free_port}", 1)

"""The level of isolation: tried for real where it can be, and said in plain words everywhere."""

import json
import os

import pytest

from course_lib import doctor
from course_lib.grading.running import isolation
from course_lib.grading.walls import bubblewrap, sandbox


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def possible(monkeypatch):
    """A machine on which bubblewrap seems to work."""
    monkeypatch.setattr(bubblewrap, "program", lambda: "/usr/bin/bwrap")
    monkeypatch.setattr(bubblewrap, "options", lambda program: "--disable-userns")


@pytest.mark.slow
def test_every_wall_holds_in_ci():
    found = isolation.level(fresh=True)
    if os.environ.get("CI") != "true" and found.level != "full":
        pytest.skip(found.sentence)
    assert (found.level, found.broken) == ("full", []), found.sentence
    assert isolation.best() == ("bubblewrap", "full", found.sentence)


@pytest.mark.slow
def test_the_probe_sees_that_there_are_no_walls():
    broken = isolation.broken_walls(None)
    assert set(broken) == {"read", "write", "network", "host", "user", "processes", "disk"}


@pytest.mark.parametrize(
    ("broken", "level", "words"),
    [
        ([], "full", ["full: ", "no network"]),
        (["network"], "partial", ["partial: the network can be reached."]),
        (["read", "memory"], "partial", ["files of this machine can be read; any amount of memory"]),
        (None, "none", ["none: bubblewrap cannot start a kernel here."]),
    ],
)
def test_the_level_says_which_walls_do_not_hold(possible, monkeypatch, broken, level, words):
    monkeypatch.setattr(isolation, "broken_walls", lambda provisioner: broken)
    found = isolation.level(fresh=True)
    assert found.level == level
    assert all(word in found.sentence for word in words), found.sentence
    assert isolation.best()[0] == (None if level == "none" else "bubblewrap")


def refused(monkeypatch, **changes):
    """The level of a machine that differs in `changes` from one where everything is there."""
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: changes.get("which", "/usr/bin/bwrap"))
    monkeypatch.setattr(sandbox, "system", lambda: changes.get("system", "Linux"))
    help_text = changes.get("help", "--size --perms --clearenv --remount-ro")
    monkeypatch.setattr(bubblewrap.subprocess, "run", lambda *a, **k: type("R", (), {"stdout": help_text}))
    monkeypatch.setattr(isolation, "broken_walls", lambda provisioner: None)
    return isolation.level(fresh=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"which": None}, "bubblewrap is not installed (apt install bubblewrap)"),
        ({"system": "Darwin"}, "Darwin has no namespaces, so there is no bubblewrap for it"),
        ({"help": "--perms"}, "this bubblewrap is too old, it has no --size, --clearenv, --remount-ro"),
        ({}, "bubblewrap cannot start a kernel here"),
    ],
)
def test_a_machine_without_walls_is_told_why_and_what_to_do(monkeypatch, changes, words):
    found = refused(monkeypatch, **changes)
    assert found.level == "none"
    assert found.sentence.startswith("none: ")
    assert words in found.sentence
    assert found.sentence.endswith(isolation.advice())
    assert len(found.broken) == len(isolation.WALLS)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("macos", "Linux virtual machine"),
        ("colab", "grade on a Linux machine of your own"),
        ("ubuntu", "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("docker", "seccomp=unconfined"),
        ("debian", "Install bubblewrap"),
    ],
)
def test_advice_fits_the_place(monkeypatch, place, words):
    monkeypatch.setattr(sandbox, "system", lambda: "Darwin" if place == "macos" else "Linux")
    if place == "colab":
        monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    real = isolation.Path

    class Elsewhere(type(real())):
        def read_text(self, **options):
            if str(self).endswith("apparmor_restrict_unprivileged_userns"):
                return "1\n" if place == "ubuntu" else "0\n"
            return super().read_text(**options)

        def exists(self):
            return place == "docker" if str(self) == "/.dockerenv" else False

    monkeypatch.setattr(isolation, "Path", Elsewhere)
    monkeypatch.setattr(isolation, "_is_root", lambda: False)
    assert words in isolation.advice()


def test_a_level_is_remembered_until_something_changes(possible, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(isolation, "broken_walls", lambda provisioner: calls.append(1) or [])
    first = isolation.level()
    assert isolation.level() == first
    assert len(calls) == 1
    isolation.level(fresh=True)
    assert len(calls) == 2
    stored = tmp_path / "cache" / "isolation.json"
    content = json.loads(stored.read_text())
    for damage in (
        "{",
        json.dumps({**content, "written": content["written"] - 90_000}),
        json.dumps({**content, "written": content["written"] + 90_000}),
        json.dumps({**content, "identity": ["another machine"]}),
        json.dumps({**content, "found": {"levels": 1}}),
    ):
        before = len(calls)
        stored.write_text(damage)
        assert isolation.level() == first
        assert len(calls) == before + 1, damage


def test_the_doctor_tells_it_with_what_follows(possible, monkeypatch):
    monkeypatch.setattr(isolation, "broken_walls", lambda provisioner: ["network"])
    line = doctor._isolation()
    assert line.startswith("partial: the network can be reached.")
    assert line.endswith("`course grade` runs only notebooks that you say you trust.")
    monkeypatch.setattr(isolation, "broken_walls", lambda provisioner: [])
    assert doctor._isolation().startswith("full: ")

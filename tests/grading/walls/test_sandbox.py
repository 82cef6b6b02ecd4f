"""What a kernel behind walls sees: of the course its library alone, of the host its system alone."""

import ast
import json
import os
import sys
from pathlib import Path

import pytest
from jupyter_client.provisioning import KernelProvisionerFactory

import course_lib
from course_lib.grading.walls import bubblewrap, limits, sandbox

ROOT = Path(course_lib.__file__).parents[1]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    for name in ("runs", "prepared", "data"):
        (folder / name).mkdir(parents=True)
    for name in ("attempts.json", "isolation.json", "world-test-8-0.bin"):
        (folder / name).write_text("x")
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    return folder


def shown(private, kind="read"):
    return {mount.target: mount.source for mount in sandbox.mounts(private) if mount.kind == kind}


def test_of_the_checkout_only_the_library_is_shown(tmp_path, cache):
    sources = set(shown(tmp_path).values())
    assert shown(tmp_path)["/course/library/course_lib"] == str(ROOT / "course_lib")
    for source in map(Path, sources):
        assert not ROOT.is_relative_to(source), source
        if source.is_relative_to(ROOT):
            assert source == ROOT / "course_lib" or "site-packages" in source.parts, source
    covered = set(shown(tmp_path, "empty"))
    assert {"/course/library/course_lib/grading", "/course/library/course_lib/lab/bundles"} <= covered


def test_homes_passwords_and_the_private_folder_are_not_shown(tmp_path, cache):
    for source in map(Path, shown(tmp_path).values()):
        for secret in (Path.home(), Path("/etc/shadow"), Path("/etc/passwd"), tmp_path, tmp_path / "driver"):
            assert source != secret
            assert not secret.is_relative_to(source), source


def test_of_the_cache_only_data_sets_are_shown(tmp_path, cache):
    assert shown(tmp_path)[sandbox.CACHE] == str(cache)
    covered = {*shown(tmp_path, "empty"), *(t for t, s in shown(tmp_path).items() if s.endswith("/nothing"))}
    names = {Path(path).name for path in covered if Path(path).is_relative_to(sandbox.CACHE)}
    assert names == {"runs", "attempts.json", "isolation.json"}


def test_a_cover_comes_after_what_it_covers(tmp_path, cache):
    seen: list[str] = []
    for mount in sandbox.mounts(tmp_path):
        if mount.kind == "empty":
            assert any(Path(mount.target).is_relative_to(target) for target in seen), mount
        seen.append(mount.target)


def test_without_a_cache_nothing_is_said_of_one(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "none"))
    assert sandbox.CACHE not in shown(tmp_path)
    assert "COURSE_CACHE" not in sandbox.inside()


def test_nothing_of_the_hosts_environment_comes_in(monkeypatch, cache):
    monkeypatch.setenv("API_TOKEN", "secret")
    monkeypatch.setenv("COURSE_DATA", str(cache / "data"))
    inside = sandbox.inside()
    text = json.dumps(inside)
    assert "secret" not in text
    assert str(cache) not in text
    assert "API_TOKEN" not in sandbox.environment(Path("/h"), Path("/b"))
    assert (inside["COURSE_CACHE"], inside["COURSE_DATA"]) == (sandbox.CACHE, sandbox.DATA)
    assert {inside[name] for name in inside if name.endswith("_THREADS")} == {"1"}


def test_what_is_written_for_a_run_can_be_read_by_anyone_and_names_nobody(tmp_path):
    folder = sandbox.write_seen(tmp_path, {"90_tiny.json": "{}"})
    assert (folder / "90_tiny.json").read_text() == "{}"
    for path in (tmp_path / "seen").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)
    assert "root" not in (tmp_path / "seen" / "passwd").read_text()
    configuration = (tmp_path / "seen" / "pyvenv.cfg").read_text()
    assert "command" not in configuration
    if sys.prefix != sys.base_prefix:
        assert configuration.startswith(f"home = {Path(sys.executable).resolve().parent}\n")


def test_folders_on_the_way_can_be_walked_by_a_user_without_rights(tmp_path):
    words = bubblewrap.view(tmp_path)
    made = {words[i + 3] for i in range(len(words) - 3) if words[i : i + 3] == ["--perms", "0755", "--dir"]}
    laid = {mount.target for mount in sandbox.mounts(tmp_path)}
    for mount in sandbox.mounts(tmp_path):
        assert {str(folder) for folder in Path(mount.target).parents} - {"/"} <= made | laid, mount


def test_walls_cut_off_everything_and_limit_every_folder():
    words = bubblewrap.walls(limits.Limits(home=11, scratch=22), "--disable-userns", {"A": "b"})
    for word in ("--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--disable-userns"):
        assert word in words
    sizes = {words[i + 3]: words[i + 1] for i, word in enumerate(words) if word == "--size"}
    assert sizes == {sandbox.HOME: "11", "/tmp": "22", "/dev/shm": "22", sandbox.SOCKETS: "1000000"}
    assert words[words.index("--setenv") :][:3] == ["--setenv", "A", "b"]
    assert "--disable-userns" not in bubblewrap.walls(limits.Limits(), "", {})


def test_root_gives_up_its_rights_for_good_before_anything_is_started():
    code = bubblewrap.BECOME.format(61_184, "/bin/bwrap", ["bwrap", "--", "python"])
    called = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    words = sorted((node.lineno, node.col_offset, ast.unparse(node)) for node in called)
    assert [word for *_, word in words if not word.startswith(("os.fork", "os.waitpid"))] == [
        "os.setgroups([])",
        "os.setresgid(61184, 61184, 61184)",
        "os.setresuid(61184, 61184, 61184)",
        "os.execv('/bin/bwrap', ['bwrap', '--', 'python'])",
    ]


def test_arguments_travel_in_a_file_not_in_a_process_list():
    descriptor = bubblewrap._arguments(["--bind", "/work", "/ü"])
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == "--bind\0/work\0/ü\0".encode()


def test_the_provisioner_is_known_by_its_name():
    bubblewrap.register()
    entry = KernelProvisionerFactory.provisioners[sandbox.NAME]
    assert entry.load() is bubblewrap.Bubblewrap


def test_limits_travel_and_count_processes_only_behind_walls(monkeypatch):
    given = limits.Limits(memory=7)
    environment = sandbox.environment(Path("/h"), Path("/b"), None, given)
    monkeypatch.setenv(limits.VARIABLE, environment[limits.VARIABLE])
    assert limits.Limits.from_environment() == given
    assert json.loads(given.profile)["memory"] == 7
    assert "'NPROC': 128" in limits.kernel_command(given, walled=True)[1]
    assert "NPROC" not in limits.kernel_command(given, walled=False)[1]
    compile(limits.kernel_command(given, walled=True)[1], "kernel", "exec")


@pytest.mark.parametrize(("provisioner", "expected"), [(None, None), ("bubblewrap", "bubblewrap")])
def test_the_provisioner_is_chosen_by_the_environment(provisioner, expected):
    found = sandbox.environment(Path("/h"), Path("/b"), provisioner)
    assert found.get("JUPYTER_DEFAULT_PROVISIONER_NAME") == expected
    assert found["HOME"] == "/h"
    assert found["COURSE_BUNDLES"] == "/b"

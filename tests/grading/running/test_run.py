"""Runs of cells in one kernel and its successors, walled in and not: deaths, limits, floods, leftovers."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from course_lib.grading.running import isolation, needs, run
from course_lib.grading.walls import sandbox
from course_lib.grading.walls.limits import MB, Limits, Watchdog
from course_lib.lab import bundle

from ..abuse.kernel.traces import SLEEP, asleep, gone_soon, leftovers
from ..conftest import LAB

BUNDLE = {"lab": "none", "version": "", "exercises": {}}
SHOW = (
    "from IPython.display import display\n"
    "def show(**values): display({'application/vnd.ssl-course.values+json': values}, raw=True)"
)


def cell(role, exercise, source, timeout_s=60.0, **more):
    return {"role": role, "exercise": exercise, "source": source, "timeout_s": timeout_s, **more}


def answers(*sources, timeout_s=60.0):
    """A run of answers called a, b, c ..., each followed by a cell that shows what SEEN holds."""
    work = [cell("setup", None, SHOW), cell("context", None, "SEEN = []")]
    for name, source in zip("abcdefghijklmn", sources, strict=False):
        work.append(cell("answer", name, source, timeout_s))
        work.append(cell("emit", name, "show(seen=list(SEEN))", timeout_s))
    return needs.marked(work)


def statuses(result):
    return [line["status"] for line in result.lines if line["role"] == "answer"]


def seen(result, exercise):
    (document,) = result.of("emit", exercise)["documents"]
    return document["seen"]


@pytest.fixture
def walled():
    """The provisioner with walls; in CI there must be one."""
    name, level, sentence = isolation.best()
    if name is None and os.environ.get("CI") != "true":
        pytest.skip(sentence)
    assert name == "bubblewrap", (level, sentence)
    return name


@pytest.fixture(params=["local", "bubblewrap"])
def provisioner(request):
    return None if request.param == "local" else request.getfixturevalue("walled")


@pytest.mark.slow
def test_what_ran_well_and_is_needed_is_there_again_after_a_death(provisioner):
    work = answers(
        "def helper(): return 7\nSEEN.append('a')",
        "unused = 1\nSEEN.append('b')",
        "import os\nos._exit(3)",
        "SEEN.append(helper())",
        "os = __import__('os')\nos._exit(3)",
        "SEEN.append(helper() + 1)",
    )
    result = run.run(work, BUNDLE, provisioner=provisioner, isolation="unknown")
    assert statuses(result) == ["ok", "ok", "kernel_died", "ok", "kernel_died", "ok"]
    assert result.lost == ""
    assert seen(result, "b") == ["a", "b"]
    assert seen(result, "d") == ["a", 7]  # the answer that nobody needs was not run again
    assert seen(result, "f") == ["a", 8]
    assert result.of("emit", "c")["reason"] == "the kernel had died before"
    assert result.of("answer", "c")["seconds"] < 2
    assert result.of("answer", "e")["seconds"] < 2
    assert result.isolation == "unknown"


@pytest.mark.slow
def test_a_dead_kernel_is_noticed_within_two_seconds(provisioner):
    deaths = (
        "import os\nos._exit(0)",
        "import os\nos.kill(os.getpid(), 9)",
        "import ctypes\nctypes.string_at(0)",
    )
    result = run.run(answers(*deaths), BUNDLE, provisioner=provisioner, isolation="")
    assert statuses(result) == ["kernel_died"] * 3
    assert all(result.of("answer", name)["seconds"] < 2 for name in "abc"), result.lines


@pytest.mark.slow
def test_new_kernels_are_not_endless(walled, monkeypatch):
    result = run.run(answers(*["import os\nos._exit(0)"] * 12), BUNDLE, provisioner=walled, isolation="")
    assert statuses(result) == ["kernel_died"] * 9 + ["not_run"] * 3


@pytest.mark.slow
def test_the_deadline_of_the_notebook_ends_many_slow_cells(provisioner):
    started = time.monotonic()
    result = run.run(
        answers(*["import time\ntime.sleep(2)"] * 10),
        BUNDLE,
        provisioner=provisioner,
        deadline=5,
        isolation="",
    )
    assert time.monotonic() - started < 60
    assert statuses(result)[0] == "ok"
    assert statuses(result)[-1] == "not_run"
    assert "timeout" in statuses(result)
    assert result.lines[-1]["reason"] == "the time for the whole notebook was over"


@pytest.mark.slow
def test_memory_is_limited_over_all_processes_and_later_exercises_go_on(provisioner):
    children = (
        "import os, time\nfor _ in range(6):\n    if not os.fork():\n"
        "        held = bytearray(b'x') * 100_000_000\n        time.sleep(500); os._exit(0)\ntime.sleep(50)"
    )
    shared = "import mmap\nheld = mmap.mmap(-1, 10**9)\nfor _ in range(1000): held.write(bytes(10**6))"
    result = run.run(
        answers("held = bytearray(b'x') * 10**9", children, shared, "pass"),
        BUNDLE, provisioner=provisioner, limits=Limits(memory=400 * MB), isolation="",
    )  # fmt: skip
    assert statuses(result) == ["memory_limit"] * 3 + ["ok"]
    assert result.of("answer", "b")["reason"] == "it used more than 400 MB of memory"
    assert result.of("emit", "a")["status"] == "not_run"
    assert result.driver < 300 * MB
    assert gone_soon()


RAW = "k = get_ipython().kernel\n"
FLOODS = {
    "endless print": "while True: print('x' * 100_000)",
    "endless small prints": "import sys\nwhile True: print(1); sys.stdout.flush()",
    "one print of 200 MB": "print('x' * 200_000_000)",
    "html of 100 MB": "import IPython.display as d\nd.display(d.HTML('x' * 100_000_000))",
    "10 000 displays": "import IPython.display as d\nfor n in range(10_000): d.display(n)",
    "a message in many parts": RAW + "k.session.send(k.iopub_socket, 'stream', {'name': 'x', 'text': 'y'},\n"
    "               buffers=[bytes(4_000_000)] * 400)\nimport time; time.sleep(50)",
    "a reply of 100 MB": RAW + "state = {'execution_state': 'x' * 100_000_000}\n"
    "k.session.send(k.iopub_socket, 'status', state, parent=k.get_parent())\nimport time; time.sleep(50)",
}  # fmt: skip


@pytest.mark.slow
def test_floods_leave_the_driver_small_and_later_exercises_graded(walled):
    result = run.run(answers(*FLOODS.values(), "pass"), BUNDLE, provisioner=walled, isolation="")
    found = dict(zip([*FLOODS, "honest"], statuses(result), strict=True))
    assert found == {**dict.fromkeys(FLOODS, "output_limit"), "honest": "ok"}
    assert 0 < result.driver < 300 * MB, result.driver


@pytest.mark.slow
def test_documents_are_limited_too(walled):
    work = answers("pass", "pass")
    for line in work:
        if line["role"] == "emit" and line["exercise"] == "a":
            line["source"] = "for _ in range(9): show(seen=['x' * 1_000_000])"
    result = run.run(work, BUNDLE, provisioner=walled, isolation="")
    assert result.of("emit", "a")["status"] == "output_limit"
    assert result.of("emit", "a")["documents"] == []
    assert result.of("emit", "b")["status"] == "ok"


@pytest.mark.slow
def test_nothing_is_left_when_a_run_ends(provisioner, tmp_path, monkeypatch):
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    detached = f"import subprocess\nsubprocess.Popen(['sleep', '{SLEEP}'], start_new_session=True)\n"
    detached += f"subprocess.run('(setsid sleep {SLEEP} &) &', shell=True)"
    result = run.run(
        answers(detached, "import os\nos._exit(0)", "pass"), BUNDLE, provisioner=provisioner, isolation=""
    )
    assert statuses(result) == ["ok", "kernel_died", "ok"]
    assert leftovers() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_nothing_is_left_when_the_driver_is_killed(walled, tmp_path, monkeypatch):
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    work = answers(f"import subprocess, time\nsubprocess.Popen(['sleep', '{SLEEP}'])\ntime.sleep(50)")
    results: list = []
    thread = threading.Thread(
        target=lambda: results.append(run.run(work, BUNDLE, provisioner=walled, isolation=""))
    )
    thread.start()
    tree, ends = [], time.monotonic() + 60
    while not asleep(tree) and time.monotonic() < ends:
        driver = next((one for one in psutil.Process().children() if "--noconftest" in one.cmdline()), None)
        tree = [one for one in driver.children(recursive=True) if one.is_running()] if driver else []
    os.kill(driver.pid, signal.SIGKILL)
    thread.join(timeout=60)
    assert "the run broke off" in results[0].lost
    assert psutil.wait_procs(tree, timeout=10)[1] == []
    assert len(tree) >= 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_nothing_is_left_when_the_grader_is_killed(walled):
    source = f"import subprocess, time\nsubprocess.Popen(['sleep', '{SLEEP}'])\ntime.sleep(50)"
    work = answers(source)
    code = (
        f"from course_lib.grading.running import run; run.run({work!r}, {BUNDLE!r}, provisioner={walled!r})"
    )
    grader = psutil.Popen([run.sys.executable, "-c", code])
    tree, ends = [], time.monotonic() + 60
    while not asleep(tree) and time.monotonic() < ends:
        tree = [one for one in grader.children(recursive=True) if one.is_running()]
    grader.kill()
    grader.wait()
    assert len(tree) >= 5
    assert psutil.wait_procs(tree, timeout=10)[1] == []


def test_folders_of_killed_graders_go_after_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    for name, age in (("course-run-old", run.OLD + 60), ("course-run-new", 60), ("other", run.OLD + 60)):
        (tmp_path / name / "home").mkdir(parents=True)
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    run._remove_leftovers()
    assert {path.name for path in tmp_path.iterdir()} == {"course-run-new", "other"}


@pytest.mark.slow
def test_the_kernel_has_its_own_home_without_a_trace_of_the_host(walled, monkeypatch):
    monkeypatch.setenv("COURSE_TEST_SECRET", "s3cret")
    look = (
        "import os, pathlib\nSEEN += [os.getcwd(), os.listdir('.'), os.getuid()]\n"
        "SEEN += [sorted(os.environ), os.listdir('/')]\n"
        "SEEN += [open('/proc/1/cmdline').read(), [os.readlink(f.path) for f in os.scandir('/proc/self/fd')\n"
        "         if os.path.lexists(f.path)]]\n"
        "SEEN += [str(pathlib.Path(__import__('course_lib').__file__)), os.listdir('/course/library')]"
    )
    result = run.run(answers(look), BUNDLE, provisioner=walled, isolation="")
    where, files, user, names, top, first, descriptors, library, packages = seen(result, "a")
    assert (where, user) == (sandbox.HOME, 1000)
    assert [name for name in files if not name.startswith(".")] == []
    known = {"COURSE_TEST_SECRET", "XDG_CACHE_HOME", "COURSE_LIMITS", "COURSE_FOLDER", "VIRTUAL_ENV"}
    assert not known & set(names)
    assert "work" not in top
    host = (str(Path.home()), str(Path(run.__file__).parents[2]), run.tempfile.gettempdir())
    assert not [path for path in host if path in first]
    kinds = {name.partition(":")[0] for name in descriptors if not name.startswith(("/dev/", sandbox.HOME))}
    assert kinds <= {"socket", "pipe", "anon_inode", "/proc/2/fd", "/proc/self/fd"}, descriptors
    assert library == "/course/library/course_lib/__init__.py"
    assert packages == ["course_lib"]


def test_a_watchdog_ends_a_process_that_takes_too_much():
    code = "import time; held = bytearray(b'x') * 200_000_000; time.sleep(50)"
    child = psutil.Popen([run.sys.executable, "-c", code])
    watchdog = Watchdog(child.pid, Limits(memory=100 * MB, driver=10**12), child.kill)
    watchdog.start()
    assert child.wait(timeout=30) == -signal.SIGKILL
    watchdog.join(timeout=5)
    assert watchdog.reason == ("memory_limit", "it used more than 100 MB of memory")


def test_which_answers_are_needed_later():
    work = [
        cell("setup", None, "import numpy as np"),
        cell("answer", "1", "def one(): return np.pi"),
        cell("emit", "1", "_emit('1', one, [0])"),
        cell("answer", "2", "two = 2\nclass Unused: pass"),
        cell("emit", "2", "_emit('2', two, [0])"),
        cell("context", None, "print(one())"),
        cell("answer", "3", "def three(: # no Python"),
        cell("answer", "4", "%time four = 4"),
    ]
    marked = needs.marked(work)
    assert [line.get("needed") for line in marked if line["role"] == "answer"] == [True, False, True, False]
    assert [{key: line[key] for key in work[0]} for line in marked] == work


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("def one():\n    return (17\n        % 10)", "one()"),
        ("text = 'a\u2028b'\nfiles = !ls\none = 1\none?", "one"),
        ("def f():\n    %time x = 1\n%time one = f()", "one"),
        ("from statistics import *", "fmean([1])"),
        ("one = 1\n$ who knows", "print(2)"),  # its names cannot be known
        ("one = 1", "%timeit one"),
        ("one = 1", "!echo {one}"),
    ],
)
def test_an_answer_is_needed_also_where_it_is_not_plain_python(first, later):
    marked = needs.marked([cell("answer", "1", first), cell("answer", "2", later)])
    assert marked[0]["needed"] is True


def test_the_folder_of_the_driver_is_not_that_of_the_kernel(tmp_path):
    environment = sandbox.environment(tmp_path / "driver", tmp_path / "tables", None)
    assert environment["HOME"] == str(tmp_path / "driver")
    assert Path(environment["PYTHONPATH"]).joinpath("course_lib").is_dir()


def test_what_the_values_should_be_is_in_no_file_of_a_run(built, monkeypatch):
    texts = []

    def look(home, *rest):
        texts.extend(path.read_text() for path in home.parent.rglob("*") if path.is_file())
        return run.Result()

    monkeypatch.setattr(run, "_drive", look)
    run.run([], bundle.load(LAB, built / "course_lib" / "lab" / "bundles"), isolation="")
    everything = "".join(texts)
    assert "def probe" in everything
    assert not [key for key in ("reference", "wrong", "hints", "rtol") if f'"{key}"' in everything]

"""The ``course`` command: learn, build, verify, train, grade, look after the machine.

Each sub-command imports what it needs inside, so that ``course --help`` answers at once.
Exit status: 0 done, 1 the answer is no (a difference, a failing notebook), 2 unusable arguments or input.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from course_lib.arena import commands as commands_of_arena
from course_lib.grading import commands as commands_of_grading

FIRST_LAB = "labs/03_contrastive.ipynb"


def course_root(start: Path | None = None) -> Path:
    """Return the nearest folder at or above ``start`` that is a checkout or a copy handed out to students.

    The one holds ``labs/source``, the other only ``course_lib/lab/bundles``, which `check` reads. Raises
    FileNotFoundError with the folder that was searched if there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "labs" / "source").is_dir() or (folder / "course_lib/lab/bundles").is_dir():
            return folder
    raise FileNotFoundError(
        f"{start} is not inside a checkout of the course (neither labs/source nor course_lib/lab/bundles at "
        "or above it). Change into the checkout, or name it: course --root FOLDER ..."
    )


def lab_command(arguments: argparse.Namespace) -> int:
    """Open JupyterLab at the first lab; unknown options go to JupyterLab unchanged."""
    root = course_root(arguments.root)
    notebook = arguments.notebook or FIRST_LAB
    if not (root / notebook).is_file():
        raise FileNotFoundError(f"there is no {notebook} in {root}; run `course build` first.")
    command = [sys.executable, "-m", "jupyter", "lab", notebook, f"--ServerApp.root_dir={root}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    command += arguments.jupyter
    print(f"course: opening {notebook}. Stop with Ctrl-C.", flush=True)
    os.chdir(root)
    # the notebook's `python3` kernel must be this very environment, also when it is not activated
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.execv(sys.executable, command)
    return 0


def build_command(arguments: argparse.Namespace) -> int:
    """Write (or with --check compare) every generated notebook and bundle."""
    from course_lib.grading.authoring.build import build

    differences = build(
        course_root(arguments.root),
        arguments.names or None,
        check=arguments.check,
        execute=not arguments.no_execute,
        say=print,
    )
    for difference in differences:
        print(difference)
    if arguments.check:
        print("course build --check: clean" if not differences else f"{len(differences)} difference(s)")
    return 1 if differences else 0


def verify_command(arguments: argparse.Namespace) -> int:
    """Run nbval over the notebooks and every wrong and right answer against every check."""
    from course_lib.grading.verify import verify

    report = verify(course_root(arguments.root), arguments.names or None, say=print)
    print("course verify: all well" if report.ok else f"course verify: {len(report.problems)} problem(s)")
    return 0 if report.ok else 1


def train_command(arguments: argparse.Namespace) -> int:
    """Train one method on one dataset and report its probe beside the random encoder's."""
    from lightning.pytorch.utilities import rank_zero_only

    from course_lib import checkpoints
    from course_lib.training.command import train
    from course_lib.training.recipe import RECIPES

    teacher = arguments.teacher
    if arguments.method in RECIPES and RECIPES[arguments.method].from_teacher:
        teacher = teacher or "simclr_resnet"
    several = {"devices": arguments.devices, "strategy": arguments.strategy or "ddp"}
    report = train(
        arguments.method,
        arguments.data,
        profile=arguments.profile,
        minutes=arguments.minutes,
        steps=arguments.steps,
        seed=arguments.seed,
        resume=arguments.resume,
        folder=arguments.out,
        family=arguments.encoder,
        teacher=checkpoints.load(teacher) if teacher else None,
        **(several if arguments.devices != 1 or arguments.strategy else {}),
    )
    rank_zero_only(print)(report)  # Lightning starts this command once per device
    return 0


def data_command(arguments: argparse.Namespace) -> int:
    """List the datasets: which are on this machine, and how to get the rest."""
    from course_lib.data import available

    for status in available():
        mark = "here   " if status.found else "missing"
        print(f"{mark} {status.name:14} {status.description}")
        print(f"        {status.found or status.how}")
    return 0


def doctor_command(arguments: argparse.Namespace) -> int:
    """Say in plain words what this machine can do for the course."""
    from course_lib.doctor import examine

    print(examine())
    return 0


def bench_command(arguments: argparse.Namespace) -> int:
    """List the side-by-side benchmarks of the checkout, or run the named ones (some take hours)."""
    import ast
    import subprocess

    folder = course_root(arguments.root) / "benchmarks"
    helpers = {"__init__", "harness", "readme_table", "sweep"}
    known = {path.stem for path in folder.glob("*.py")} - helpers
    unknown = sorted(set(arguments.names) - known)
    if unknown:
        raise ValueError(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(sorted(known))}.")
    if not arguments.names:
        for name in sorted(known):
            said = ast.get_docstring(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))) or ""
            print(f"{name:21} {said.partition(chr(10))[0]}")
    status = 0
    for name in arguments.names:
        print(f"course bench: {name}", flush=True)
        status |= subprocess.call([sys.executable, str(folder / f"{name}.py")], cwd=folder.parent)
    return 1 if status else 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the ``course`` command."""
    top = argparse.ArgumentParser(prog="course", description="Self-supervised learning: the course command.")
    top.add_argument("--root", type=Path, help="the checkout, if the current folder is not inside it")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, function) -> argparse.ArgumentParser:
        summary = (function.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(function=function)
        return command

    lab = add("lab", lab_command)
    lab.add_argument("--notebook", help=f"which notebook to open (default {FIRST_LAB})")
    build = add("build", build_command)
    build.add_argument("names", nargs="*", help="labs and lectures to build, for example 03_contrastive")
    build.add_argument("--check", action="store_true", help="write nothing; fail on any difference")
    build.add_argument("--no-execute", action="store_true", help="keep the outputs of executed notebooks")
    verify = add("verify", verify_command)
    verify.add_argument("names", nargs="*")
    commands_of_grading.add_to(add, course_root)
    commands_of_arena.add_to(add)
    train = add("train", train_command)
    train.add_argument("method", help="simclr, moco, byol, vicreg, dino, mae ...; a wrong name lists all")
    train.add_argument(
        "--encoder", choices=("resnet", "vit", "vit_mean"), help="default: the method's usual one"
    )
    train.add_argument("--teacher", help="distillation's: a model of the library (default: simclr_resnet)")
    train.add_argument("--data", default="world", help="a dataset name or an image folder")
    train.add_argument("--profile", choices=("quick", "full"))
    train.add_argument("--minutes", type=float)
    train.add_argument("--steps", type=int)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--resume", help="a checkpoint, or 'last'")
    train.add_argument("--out", type=Path, help="folder of the checkpoints")
    train.add_argument("--devices", type=int, default=1, help="GPUs, or processes where there is none")
    train.add_argument(
        "--strategy", choices=("ddp", "fsdp"), help="of several devices: copies (ddp, as usual), or shares"
    )
    add("data", data_command)
    add("doctor", doctor_command)
    bench = add("bench", bench_command)
    bench.add_argument("names", nargs="*", help="which to run; without a name they are listed")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; errors that are the user's to mend are sentences, not stack traces."""
    command_line = parser()
    arguments, rest = command_line.parse_known_args(argv)
    if arguments.command == "lab":
        arguments.jupyter = rest
    elif rest:
        command_line.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return arguments.function(arguments)
    except (OSError, ValueError) as error:
        print(f"course {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ncourse {arguments.command}: stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

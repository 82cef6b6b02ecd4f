"""pyproject.toml, constraints.txt, environment.yml and the Makefile tell the same story."""

import re
import subprocess
import sys
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def declared() -> list[Requirement]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def test_the_library_declares_ranges_and_never_exact_pins():
    for requirement in declared():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">="}, f"{requirement}: declare the oldest version that works, nothing else"
    ranges = {
        requirement.name: str(requirement.specifier)
        for requirement in map(Requirement, PROJECT["dependencies"])
    }
    assert ranges["torch"] == ">=2.6"
    assert ranges["torchvision"] == ">=0.21"
    assert ranges["lightning"] == ">=2.5"


def test_every_declared_dependency_has_one_tested_version_inside_its_range():
    pinned = constraints()
    for requirement in declared():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"constraints.txt has no tested version of {requirement.name}"
        (specifier,) = pinned[name].specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version), f"{pinned[name]} is outside {requirement}"


def test_torch_and_torchvision_are_the_pair_that_imports():
    pinned = constraints()
    assert str(pinned["torch"]) == "torch==2.12.1"
    assert str(pinned["torchvision"]) == "torchvision==0.27.1"


def test_conda_environment_installs_the_same_thing():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-c constraints.txt", "-e .[lab,test]"]
    install = (ROOT / ".ci" / "install").read_text()
    assert '-e ".[lab,test]"' in install
    assert "-c constraints.txt" in install
    (python,) = [entry for entry in environment["dependencies"] if str(entry).startswith("python=")]
    version = python.split("=")[1]
    assert tuple(map(int, version.split("."))) >= tuple(
        map(int, PROJECT["requires-python"].removeprefix(">=").split("."))
    )
    # the markers of the tested versions must hold on the Python that conda users get
    assert all(
        requirement.marker is None or requirement.marker.evaluate({"python_version": version})
        for requirement in constraints().values()
    )


def test_continuous_integration_calls_the_readme_test_command():
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert "make lab" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / "README.md").read_text()


def test_an_installed_environment_asks_nothing_of_the_network(tmp_path):
    """With a fitting stamp the install step ends at once: pip is not even started."""
    (tmp_path / ".ci").mkdir()
    for name in ("pyproject.toml", "constraints.txt", ".ci/install"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    binary = tmp_path / ".venv" / "bin"
    binary.mkdir(parents=True)
    log = tmp_path / "calls"
    fake = binary / "python"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexit 0\n')
    fake.chmod(0o755)
    run = ["bash", str(tmp_path / ".ci" / "install")]
    environment = {"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    first = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert "installing the course" in first.stdout
    assert "pip install" in log.read_text()
    log.unlink()
    second = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert second.stdout == ""
    assert "pip" not in log.read_text()
    # a changed constraint installs again
    (tmp_path / "constraints.txt").write_text("torch==2.12.1\ntorchvision==0.27.1\n")
    third = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert "installing the course" in third.stdout


def test_too_old_a_python_is_a_sentence(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.18" && exit 0\nexit 1\n')
    old.chmod(0o755)
    run = subprocess.run(
        ["bash", str(ROOT / ".ci" / "install")],
        env={"PYTHON": str(old), "PATH": "/usr/bin:/bin", "VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "Python 3.8.18 is too old; the course needs Python 3.10" in run.stdout

"""What in a folder of submissions is no row of its own, or may be several people's: a sentence for each."""

import re
from collections import defaultdict
from pathlib import Path

from course_lib.grading.keeping.intake import Submission
from course_lib.grading.keeping.owners import NOTEBOOKS, name_of

# what editors and systems leave behind; nobody hands it in
SILENT = {".ipynb_checkpoints", ".DS_Store", "__MACOSX"}
NAMED = 5  # at most so many are named in a sentence
# what files of one person are called: the lab, a version of it, anything with a number
_OF_WORK = re.compile(
    r"\d|(?<![^\W_])(?:lab|copy|final|version|draft|old|new|test|notebook|untitled|exercise|solution|answer|submi"
    r"|assignment|home|work|task|part|backup|scratch|note|play|mine|kopie|abgabe|aufgabe|uebung|übung)",
    re.I,
)


def remarks(folder: Path, handed_in: list[Submission], lab: str) -> list[str]:
    """Sentences about hidden files, folders of students without a file, and folders of several people."""
    hidden, found = [], set()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() and not path.is_symlink():
            continue
        if not any(part.startswith(".") or part == "__MACOSX" for part in parts):
            found.add(parts[0])
        elif not SILENT & set(parts):
            hidden.append("/".join(parts))
    empty = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_dir()
        and path.name not in found
        and not path.name.startswith(".")
        and path.name not in SILENT
    ]
    said = []
    if hidden:
        them = "1 hidden file was" if len(hidden) == 1 else f"{len(hidden)} hidden files were"
        said.append(f"{them} not taken: {_named(hidden)}.")
    if empty:
        them = "1 folder" if len(empty) == 1 else f"{len(empty)} folders"
        said.append(f"{them} without a notebook: {_named(empty)}.")
    return said + _several_people(handed_in, lab)


def _several_people(handed_in: list[Submission], lab: str) -> list[str]:
    """A sentence for each folder in which notebooks or folders are called like people."""
    of_lab = {word for word in re.split(r"[\W\d_]+", lab.lower()) if len(word) > 2}
    names: dict[str, set[str]] = defaultdict(set)
    for one in handed_in:
        parts = one.file.split("/")
        # the folders of a learning platform are each one student's, whatever lies in them
        if len(parts) > 1 and one.file.lower().endswith(NOTEBOOKS) and name_of(one.file) == one.student:
            plain = Path(parts[1]).stem if len(parts) == 2 else parts[1]
            names[one.student].add(re.sub(r"\s*\(\d+\)$", "", plain).lower())
    return [
        f"{len(called)} notebooks of different names in {_named([student])} are taken for one student: "
        f"{_named(sorted(called))}. If they are several people's, put each of them beside that folder."
        for student, called in sorted(names.items())
        if len(called) > 1 and not any(_OF_WORK.search(name) or _has(name, of_lab) for name in called)
    ]


def _has(name: str, words: set[str]) -> bool:
    return any(word in name for word in words)


def _named(names: list[str]) -> str:
    """The first few names on one line, whatever signs are in them."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    plain = ["".join(sign if sign.isprintable() else "?" for sign in name)[:80] for name in names[:NAMED]]
    return ", ".join(plain) + more

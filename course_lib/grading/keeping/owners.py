"""Whose file is it? Students from the names of files; two students never become one without a word."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

# what Canvas' bulk download calls a file; a later version has the same name and ID and other numbers
_CANVAS = re.compile(r"^(?P<name>.+?)(?:_late)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<rest>.+)$", re.I)
# Moodle's bulk download has a folder a kind of submission, name_ID_assignsubmission_file, .._onlinetext
_MOODLE = re.compile(r"^(?P<student>.+_\d+)_assignsubmission_.+$", re.I | re.S)
_COPY = re.compile(r"^(?P<plain>.+?)\s*\((?P<number>\d+)\)$", re.S)
NOTEBOOKS = (".ipynb", ".zip")
Owner = tuple[str, tuple[str, ...]]  # (student, flags of the file)


def owners(files: Iterable[str], before: Mapping[str, str]) -> dict[str, Owner]:
    """{file: (its student, flags)} of the files in the folder of submissions, names with "/".

    before: {file: student} of what was taken earlier; such a file stays with its student. A file is its
    name's or its folder's student. The names of Canvas' bulk download, name[_LATE]_ID_number_rest, become
    name_ID, unless a number belongs to two files, which happens in no download; so do Moodle's folders,
    name_ID_assignsubmission_file. "alice (1)" is a browser's copy of alice's file if there is one, and
    somebody of that name if not.
    """
    files = list(files)
    names = {file: name_of(file) for file in (*files, *before)}
    students = {name: _canvas_student(name) for name in names.values()} | _no_uploads(names.values())
    students |= _of_moodle(names.values(), before.values())
    found: dict[str, Owner] = {}
    for file in files:
        name = names[file]
        student, flags = students[name], list(_other_names(file, students, names))
        while students[name] == name and (copy := _COPY.match(name)) and copy["plain"] in students:
            name = copy["plain"]
            student = students[name]
            flags = [f"needs_review: taken for a browser's copy, as a file of {student} is there too"]
        if file in before:
            student, flags = before[file], flags if before[file] == student else []
        earlier = sorted({one for one in before.values() if _is_copy(one, student)})
        if earlier and file not in before:
            flags.append(
                f"needs_review: not joined with {', '.join(earlier)}, taken earlier as another student"
            )
        found[file] = student, tuple(flags)
    return found


def name_of(file: str) -> str:
    """The name that a file was handed in under: its folder's, or its own without endings."""
    # an editor or a mail program may add an ending: alice.ipynb.txt is alice's too
    name = file.split("/")[0] if "/" in file else re.sub(r"\.ipynb$", "", Path(file).stem, flags=re.I)
    return unicodedata.normalize("NFC", name)  # an accent is written in two ways by two systems


def _canvas_student(name: str) -> str:
    parts = _CANVAS.match(name)
    return f"{parts['name']}_{parts['id']}" if parts else name


def _of_moodle(names: Iterable[str], earlier: Iterable[str]) -> dict[str, str]:
    """{name: student} of Moodle's folders; who was taken earlier under such a name keeps it."""
    taken = {parts["student"]: one for one in earlier if (parts := _MOODLE.match(one))}
    found = {name: parts["student"] for name in names if (parts := _MOODLE.match(name))}
    return {name: taken.get(student, student) for name, student in found.items()}


def _no_uploads(names: Iterable[str]) -> dict[str, str]:
    """{name: name} of those that look like Canvas' names and are none, such as lab_03_2024_anna, .._ben."""
    groups = defaultdict(set)
    for name in names:
        if parts := _CANVAS.match(name):
            groups[parts["upload"]].add(name)
    return {name: name for same in groups.values() if len({_plain(one) for one in same}) > 1 for name in same}


def _other_names(file: str, students: Mapping[str, str], names: Mapping[str, str]) -> Iterable[str]:
    """A flag for a notebook of a Canvas student who has another notebook with a name of its own."""
    student = students[names[file]]
    if student == names[file] or not file.lower().endswith(NOTEBOOKS):
        return
    hers = {n for f, n in names.items() if students[n] == student and f.lower().endswith(NOTEBOOKS)}
    rests = {re.sub(r"-\d+$", "", _plain(parts["rest"])) for n in hers if (parts := _CANVAS.match(n))}
    if len(rests) > 1:
        yield f"needs_review: notebooks of different names ({', '.join(sorted(rests))}) are of {student}"


def _plain(name: str) -> str:
    copy = _COPY.match(name)
    return copy["plain"] if copy else name


def _is_copy(name: str, of: str) -> bool:
    return name != of and _plain(name) == of

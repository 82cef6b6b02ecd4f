"""Which line of a gradebook is whose? Student names of the grader against the keys of a learning platform."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

# how a platform names what an instructor downloads: with its own number of the student. `intake` makes
# name_ID of a Canvas file's name_ID_submission_file and of a Moodle folder's name_ID_assignsubmission_file
PLATFORM_NAMES = {
    "Canvas": re.compile(r"^(?P<name>.+?)(?:_late)?_(?P<id>\d+)(?:_\d+_.+)?$", re.I),
    "Moodle": re.compile(r"^(?P<name>.+)_(?P<id>\d+)(?P<kind>_assignsubmission_.+)?$", re.I | re.S),
}


def match(
    students: Iterable[str],
    lines: dict[int, list[str]],
    names: dict[int, str],
    platform: str = "",
    numbers: dict[int, str] | None = None,
) -> tuple[dict[str, int], dict[str, str]]:
    """({student: line}, {student: why there is none}).

    lines: {line: its keys, the strongest first (login, number, ...)}. names: {line: full name}. platform: a
    key of PLATFORM_NAMES; numbers: {line: that platform's own number of the student}, "" or none where it is
    not known. The first key that fits decides; a key that fits several lines, or several students that fit
    one line, fit none. The number in the name of a downloaded file is compared with `numbers` alone, as the
    same digits in another column are another person's; where no line has it, the name does not decide either.
    Anybody can call a file meier_24: a number of Moodle needs the name beside it, if the line has one.
    """
    found: dict[str, int] = {}
    failed: dict[str, str] = {}
    waiting = list(dict.fromkeys(students))
    depth = max((len(keys) for keys in lines.values()), default=0)
    known = {line: number for line, text in (numbers or {}).items() if (number := _digits(text))}
    for level in range(depth + 3):
        index: dict[str, set[int]] = defaultdict(set)
        for line, keys in lines.items():
            for key in _keys(level, depth, keys, names.get(line, ""), known.get(line, "")):
                index[key].add(line)
        hits = {
            one: set().union(*(index.get(key, set()) for key in _own(one, level, depth, platform)))
            for one in waiting
        }
        wanted = defaultdict(list)
        told = {one: _number(one, platform) if known else "" for one in waiting}
        for student, places in hits.items():
            if len(places) > 1:
                failed[student] = "several lines of the gradebook fit"
            elif places:
                wanted[next(iter(places))].append(student)
            elif told[student] and level == depth + bool(_name_beside(student, platform)):
                failed[student] = f"no line of the gradebook has the number {told[student]} of {platform}"
        for line, group in wanted.items():
            if len(group) > 1 or line in found.values():
                failed |= dict.fromkeys(group, "another student fits the same line of the gradebook")
            else:
                found[group[0]] = line
        waiting = [one for one in waiting if one not in found and one not in failed]
    return found, failed | dict.fromkeys(waiting, "no line of the gradebook fits")


def _keys(level: int, depth: int, keys: list[str], name: str, number: str) -> set[str]:
    """What a line is known by at a level: its keys, the platform's number, what is before an @, its name."""
    if level < depth:
        return {_plain(keys[level])} - {""} if level < len(keys) else set()
    if level == depth:
        return {number, _numbered(number, name)} if number else set()
    if level == depth + 1:
        return {_plain(key).partition("@")[0] for key in keys if not key.strip().isdigit()} - {""}
    return {_joined(_words(name)), _sorted(name)} - {""}


def _own(student: str, level: int, depth: int, platform: str) -> set[str]:
    """What a student's name can stand for at a level."""
    if level < depth:
        return {_plain(student)} - {""}
    if level == depth:
        number, name = _number(student, platform), _name_beside(student, platform)
        return {_numbered(number, name), _numbered(number, "")} if name else {number} - {""}
    if level == depth + 1:
        return {_plain(student).partition("@")[0]} - {""}
    parts = PLATFORM_NAMES["Moodle"].match(student)
    if parts is None or not parts["kind"]:
        parts = PLATFORM_NAMES["Canvas"].match(student)
    name = parts["name"] if parts else student
    return {_joined(_words(name)), _sorted(name)} - {""}


def _numbered(number: str, name: str) -> str:
    """A number and the letters of a name, in whichever order its parts stand; "7 " of a line without name."""
    return f"{number} {''.join(sorted(_joined(_words(name))))}"


def _name_beside(student: str, platform: str) -> str:
    """The name in a name_ID that `intake` made of a Moodle folder, or that a student chose; else ""."""
    parts = PLATFORM_NAMES["Moodle"].match(student) if platform == "Moodle" else None
    return parts["name"] if parts and not parts["kind"] else ""


def _number(student: str, platform: str) -> str:
    """The platform's number in the name of one of its files, "" if there is none."""
    parts = PLATFORM_NAMES[platform].match(student) if platform in PLATFORM_NAMES else None
    return _digits(parts["id"]) if parts else ""


def _digits(text: str) -> str:
    """The number in "123", "00123" and "Participant 123", "" if there is none."""
    parts = re.fullmatch(r"(?:participant\s+)?0*(\d+)", _plain(text))
    return parts[1] if parts else ""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", _plain(name))


def _joined(words: list[str]) -> str:
    return "".join(words)


def _sorted(name: str) -> str:
    """First and last name in any order."""
    return " ".join(sorted(_words(name)))

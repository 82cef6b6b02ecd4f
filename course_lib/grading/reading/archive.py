"""The notebooks inside a zip archive. Members are read in memory, one by one; nothing is ever extracted."""

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from course_lib.grading.reading.parse import LARGEST_FILE, Unreadable, too_large

MOST_MEMBERS = 1_000
MOST_NOTEBOOKS = 20


class NotUnpacked(bytes):
    """What there is of a member that was not unpacked: nothing, and the reason why."""

    reason: str

    def __new__(cls, reason: str) -> "NotUnpacked":
        """No bytes with a reason."""
        made = super().__new__(cls)
        made.reason = reason
        return made


def is_archive(data: bytes) -> bool:
    """True for the bytes of a zip archive, also of an empty one."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def notebooks(data: bytes) -> tuple[Iterator[tuple[str, bytes]], list[str]]:
    """(its notebooks, newest first, each read when it is asked for; flags). Raises Unreadable with a reason.

    A member whose name leads out of the archive, a link, and what is no notebook are not taken, and said.
    The iterator gives (name, bytes); NotUnpacked for a member that cannot be unpacked or is too large.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [one for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise Unreadable(f"the archive is damaged ({str(error)[:80]})") from None
    if len(members) > MOST_MEMBERS:
        raise Unreadable(f"the archive holds {len(members)} files; at most {MOST_MEMBERS} are looked at")
    outside = [one for one in members if _leads_out(one)]
    hidden = [one for one in members if _hidden(one.filename)]
    inside = [one for one in members if one not in outside and one not in hidden]
    found = [one for one in inside if one.filename.lower().endswith(".ipynb")]
    if not found:
        raise Unreadable("there is no notebook (.ipynb) in the archive")
    if len(found) > MOST_NOTEBOOKS:
        raise Unreadable(f"the archive holds {len(found)} notebooks; at most {MOST_NOTEBOOKS} are looked at")
    flags = [f"{len(outside)} files in the archive lead out of it (not taken)"] if outside else []
    other = sorted(_short(one.filename) for one in inside if one not in found)
    if other:
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        flags.append(f"the archive also holds {', '.join(other[:3])}{more} (not taken)")
    newest_first = sorted(found, key=lambda one: (one.date_time, one.filename), reverse=True)
    return ((_short(one.filename), _unpacked(archive, one)) for one in newest_first), flags


def _leads_out(member: zipfile.ZipInfo) -> bool:
    """True for ../ and absolute names, drives, and links."""
    name = member.orig_filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    return name[:1] == "/" or ".." in parts or ":" in name[:3] or stat.S_ISLNK(member.external_attr >> 16)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _short(name: str) -> str:
    """The last part of a name, short enough for a flag."""
    return " ".join(PurePosixPath(name).name.encode("utf-8", "replace").decode().split())[:60]


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, however large it claims to be; NotUnpacked if they cannot be had."""
    try:
        with archive.open(member) as file:
            data = file.read(LARGEST_FILE + 1)
    except Exception:  # damaged, encrypted, or packed in a way that Python does not know
        return NotUnpacked(f"{_short(member.filename)} is damaged or locked with a password")
    if len(data) > LARGEST_FILE:
        return NotUnpacked(f"{_short(member.filename)} has {too_large(max(len(data), member.file_size))}")
    return data

"""Archives: only notebooks are taken, in memory; whatever else is inside does nothing and is said."""

import io
import stat
import struct
import zipfile

import pytest

from course_lib.grading.reading import archive
from course_lib.grading.reading.parse import Unreadable


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    """A zip archive. members: (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def info(name, year=2020, mode=0o644):
    found = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
    found.external_attr = mode << 16
    return found


def taken(data):
    members, flags = archive.notebooks(data)
    return dict(members), flags


def test_only_notebooks_are_taken_and_the_rest_is_said():
    names = (
        "lab.ipynb",
        "conftest.py",
        "numpy.py",
        "pytest.ini",
        "x.txt",
        "__MACOSX/lab.ipynb",
        ".hidden.ipynb",
    )
    found, flags = taken(zipped(*((name, name) for name in names)))
    assert found == {"lab.ipynb": b"lab.ipynb"}
    assert flags == ["the archive also holds conftest.py, numpy.py, pytest.ini and 1 more (not taken)"]


@pytest.mark.parametrize(
    "name", ["../out.ipynb", "/etc/out.ipynb", "a/../../out.ipynb", "C:\\out.ipynb", "..\\out.ipynb"]
)
def test_names_that_lead_out_are_not_taken(name):
    found, flags = taken(zipped((name, "evil"), ("lab.ipynb", "good")))
    assert found == {"lab.ipynb": b"good"}
    assert flags == ["1 files in the archive lead out of it (not taken)"]


def test_a_link_is_not_followed():
    link = info("lab.ipynb", mode=stat.S_IFLNK | 0o777)
    with pytest.raises(Unreadable, match="no notebook"):
        taken(zipped((link, "/etc/passwd")))


def test_the_newest_comes_first():
    found, _ = taken(
        zipped((info("a.ipynb", 2021), "a"), (info("b.ipynb", 2023), "b"), (info("c.ipynb", 2022), "c"))
    )
    assert list(found) == ["b.ipynb", "c.ipynb", "a.ipynb"]


def test_a_bomb_is_not_unpacked():
    data = zipped(("bomb.ipynb", b" " * 40_000_000), ("lab.ipynb", "good"))
    assert len(data) < 100_000
    assert taken(data)[0] == {"bomb.ipynb": b"", "lab.ipynb": b"good"}


def test_a_size_that_is_a_lie_is_seen_through():
    data = bytearray(zipped(("bomb.ipynb", b" " * 40_000_000)))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(mark) + offset, 10)
    (content,) = taken(bytes(data))[0].values()
    assert len(content) <= 10


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04", "damaged"),
        (zipped(("a.ipynb", "x"))[:-10], "damaged"),
        (zipped(), "no notebook"),
        (zipped(("a.txt", "x")), "no notebook"),
        (zipped(*((f"{n}.txt", "") for n in range(1001))), "1001 files"),
        (zipped(*((f"{n}.ipynb", "") for n in range(21))), "21 notebooks"),
    ],
    ids=range(6),
)
def test_what_cannot_be_read_has_a_reason(data, reason):
    with pytest.raises(Unreadable, match=reason):
        taken(data)


def test_damaged_and_encrypted_members_are_empty():
    data = bytearray(zipped(("lab.ipynb", b"x" * 1000), method=zipfile.ZIP_STORED))
    data[100] = 0
    assert taken(bytes(data))[0] == {"lab.ipynb": b""}
    encrypted = bytearray(zipped(("lab.ipynb", "x")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + offset] |= 1
    found = taken(bytes(encrypted))[0]
    assert found == {"lab.ipynb": b""}
    assert found["lab.ipynb"].reason == "lab.ipynb is damaged or locked with a password"

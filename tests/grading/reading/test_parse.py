"""Parsing: every file is read as a plain notebook or refused with a reason."""

import json

import pytest

from course_lib.grading.reading import parse


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"hello", "not JSON"),
        (b'{"cells": [', "not JSON"),
        (b"<!doctype html><title>Log in</title>", "web page"),
        (b"[1, 2]", "holds a list"),
        (b"null", "holds a NoneType"),
        (b'{"metadata": {}}', "no cells"),
        (b'{"cells": {"a": 1}}', "no cells"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not text in UTF-8"),
        (b'{"cells": [], "x": "\x81\x07\xe9"}', "not text in UTF-8"),
        (bytes(range(256)), "not text in UTF-8"),
        (b'{"cells": [], "x": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"a": "' + b"[" * 500 + b'", "b": ' + b'{"c":' * 150, "nested too deeply"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (json.dumps({"cells": [{}] * 3000}).encode(), "3000 cells"),
        (json.dumps({"cells": [{"source": "x" * 300_000}]}).encode(), "more than 200000 characters"),
        (json.dumps({"worksheets": [{"cells": [{"cell_type": 3}]}], "nbformat": 3}).encode(), "old notebook"),
    ],
    ids=range(19),
)
def test_what_cannot_be_read_has_a_reason(data, reason):
    with pytest.raises(parse.Unreadable, match=reason):
        parse.read(data)


def test_a_file_that_breaks_off_is_told_where_and_what_to_do():
    with pytest.raises(parse.Unreadable) as told:
        parse.read(b'{"cells": [{"source": "# exerc')
    assert str(told.value) == (
        "the file is damaged or incomplete: it is not JSON (Unterminated string starting at: line 1 column "
        "23 (char 22)). Save the notebook again and hand in the whole file"
    )


def test_a_file_that_is_too_large_is_not_parsed():
    with pytest.raises(parse.Unreadable, match="21 MB; at most 20 are read"):
        parse.read(b"x" * 21_000_000)


TEXT = json.dumps({"cells": [{"cell_type": "code", "source": "é = 1"}]}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("data", "flags"),
    [
        (TEXT.encode(), []),
        (b"\xef\xbb\xbf" + TEXT.encode(), ["has a byte order mark"]),
        (TEXT.encode("utf-16"), ["encoded as UTF-16"]),
        (TEXT.encode("utf-16-be"), ["encoded as UTF-16"]),
        (TEXT.encode("utf-32"), ["encoded as UTF-32"]),
        (TEXT.encode("latin-1"), ["encoded as Windows-1252"]),
        (TEXT.replace("é", "\x81é").encode("latin-1"), ["encoded as Latin-1"]),
    ],
)
def test_every_encoding_is_read_and_flagged(data, flags):
    notebook, found = parse.read(data)
    assert notebook["cells"][0]["source"].lstrip("\x81") == "é = 1"
    assert found == flags


def test_brackets_inside_of_strings_are_no_depth():
    deep = json.dumps({"cells": [{"source": '"\\' + "[{" * 500}], "metadata": {}})
    assert parse.read(deep.encode())[0]["cells"][0]["source"].endswith("[{[{")


def test_half_a_surrogate_pair_becomes_text_that_can_be_written():
    notebook, _ = parse.read(b'{"cells": [{"source": "a\\ud800b", "id": "\\ud800"}]}')
    assert notebook["cells"][0]["source"] == "a?b"
    json.dumps(notebook, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("more", "flag"),
    [
        ({"nbformat": 99}, "notebook format 99, newer than 4"),
        (
            {"metadata": {"kernelspec": {"name": "ir", "language": "R"}}},
            "was set to a kernel for R (not used)",
        ),
        ({"metadata": {"kernelspec": {"name": "x", "language": {"a": 1}}}}, "a kernel for ? (not used)"),
    ],
)
def test_formats_and_kernels_of_elsewhere_are_flagged(more, flag):
    notebook, flags = parse.read(json.dumps({"cells": [{"source": "x"}], **more}).encode())
    assert notebook["cells"][0]["source"] == "x"
    assert flag in flags[0]


def test_only_lab_and_version_come_from_the_metadata():
    notebook, _ = parse.read(
        json.dumps({"cells": [], "metadata": {"course": {"lab": "x", "points": 9}}}).encode()
    )
    assert notebook["metadata"] == {"course": {"lab": "x", "version": None}}


def test_the_old_format_is_converted():
    cells = [{"cell_type": "code", "input": "# exercise 90.1\nx = 1", "outputs": [], "language": "python"}]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    notebook, flags = parse.read(json.dumps(old).encode())
    assert notebook["cells"][0]["source"] == "# exercise 90.1\nx = 1"
    assert flags == ["old notebook format"]


@pytest.mark.parametrize("sheets", [3, [], [3], [{"cells": 3}], [{"cells": [None]}], [{}]])
def test_an_old_notebook_of_any_shape_is_refused_or_empty(sheets):
    data = json.dumps({"worksheets": sheets}).encode()
    if sheets == []:
        assert parse.read(data)[0]["cells"] == []
        return
    with pytest.raises(parse.Unreadable, match="an old notebook that cannot be converted"):
        parse.read(data)

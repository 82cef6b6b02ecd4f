import pytest

from course_lib.files import write_whole


def test_text_and_bytes_are_written_as_they_are_into_new_folders(tmp_path):
    path = tmp_path / "a" / "b" / "text.txt"
    write_whole(path, "1\n2 ü\n")
    assert path.read_bytes() == b"1\n2 \xc3\xbc\n"
    write_whole(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert path.stat().st_mode & 0o777 == 0o644
    write_whole(path, b"kept", 0o444)
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \udcff")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_rename_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, "old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

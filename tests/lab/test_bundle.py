"""Bundles: found, refused in a sentence, stripped of everything that tells right from wrong."""

import json

import pytest

from course_lib.files import write_whole
from course_lib.lab import bundle


def test_an_exercise_is_found_in_any_lab_and_first_in_its_own(tiny):
    other = json.loads(json.dumps(tiny.bundle)) | {"lab": "91_other"}
    other["exercises"]["90.1"]["points"] = 7
    write_whole(tiny.folder / "91_other.json", bundle.text(other))
    assert bundle.find("90.1")[1]["points"] == 40
    assert bundle.find("90.1", "91_other")[1]["points"] == 7
    assert bundle.names() == ["90_tiny", "91_other"]


def test_missing_damaged_and_old_bundles_are_sentences(tiny):
    with pytest.raises(FileNotFoundError, match=r"no bundle for lab '04_masked'.*90_tiny"):
        bundle.load("04_masked")
    (tiny.folder / "92_bad.json").write_text('{"format": 1,')
    with pytest.raises(ValueError, match="is damaged"):
        bundle.load("92_bad")
    (tiny.folder / "93_old.json").write_text('{"format": 0}')
    with pytest.raises(ValueError, match="another version of course_lib"):
        bundle.load("93_old")


def test_a_bundle_that_was_built_again_is_read_again(tiny):
    assert bundle.find("90.1")[1]["points"] == 40
    changed = json.loads(json.dumps(tiny.bundle))
    changed["exercises"]["90.1"]["points"] = 41
    path = tiny.folder / "90_tiny.json"
    before = path.stat().st_mtime_ns
    write_whole(path, bundle.text(changed))
    import os

    os.utime(path, ns=(before + 1, before + 1))
    assert bundle.find("90.1")[1]["points"] == 41


def test_the_kernel_of_a_grader_gets_probes_and_nothing_to_compare_with(tiny):
    text = json.dumps(bundle.stripped(tiny.bundle))
    assert "def probe" in text
    for secret in ("reference", "wrong", "hint", "mean__sum", "rtol"):
        assert secret not in text


def test_the_text_of_a_bundle_is_json_and_always_the_same(tiny):
    text = bundle.text(json.loads(json.dumps(tiny.bundle)))
    shuffled = dict(reversed(json.loads(json.dumps(tiny.bundle)).items()))
    assert json.loads(text) == json.loads(json.dumps(tiny.bundle))
    assert bundle.text(shuffled) == text

"""The cache: right, atomic, checked, shared, and never in the way."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from course_lib.world import World, WorldConfig, WorldDataset, build, cache
from course_lib.world import dataset as dataset_module

CONFIG = WorldConfig(size=32)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_pictures_and_labels_are_the_worlds(tmp_path):
    data = WorldDataset(CONFIG, "val", 60, tmp_path)
    world = World(CONFIG, "val")
    assert isinstance(data.images, np.memmap)
    assert data.images.shape == (60, 3, 32, 32)
    assert data.labels.dtype == np.int64
    for index in range(60):
        scene = world.scene(index)
        np.testing.assert_array_equal(data.images[index], world.image(scene).transpose(2, 0, 1))
        assert data.classes[data.labels[index]] == scene.label
    assert files(tmp_path) == [cache.path_of(CONFIG, "val", 60, tmp_path).name], "no temporary file is left"


def test_workers_draw_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "SMALL", 1)
    monkeypatch.setattr(cache, "CHUNK", 7)
    two = WorldDataset(CONFIG, "train", 61, tmp_path / "two", workers=2)
    one = WorldDataset(CONFIG, "train", 61, tmp_path / "one", workers=1)
    np.testing.assert_array_equal(two.images, one.images)
    np.testing.assert_array_equal(two.labels, one.labels)


def test_if_no_worker_starts_the_work_is_done_here(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "SMALL", 1)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    data = WorldDataset(CONFIG, "train", 30, tmp_path, workers=2)
    assert data.path is not None
    np.testing.assert_array_equal(data.images, WorldDataset(CONFIG, "train", 30, False).images)


def test_if_a_worker_dies_its_share_is_drawn_again(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "SMALL", 1)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(build, "asdict", lambda config: {"size": 7})  # every worker refuses its config
    data = WorldDataset(CONFIG, "train", 30, tmp_path, workers=2)
    np.testing.assert_array_equal(data.images, WorldDataset(CONFIG, "train", 30, False).images)


def test_a_second_time_nothing_is_drawn(tmp_path, monkeypatch):
    first = WorldDataset(CONFIG, "train", 20, tmp_path)
    monkeypatch.setattr(cache, "draw_range", None)
    second = WorldDataset(CONFIG, "train", 20, tmp_path)
    np.testing.assert_array_equal(first.images, second.images)


@pytest.mark.parametrize(
    "damage", ["truncated", "half", "empty", "flipped bit", "header", "labels", "longer"]
)
def test_a_damaged_file_is_reported_and_drawn_again(tmp_path, capsys, damage):
    path = WorldDataset(CONFIG, "train", 20, tmp_path).path
    whole = path.read_bytes()
    broken = bytearray(whole)
    if damage == "truncated":
        broken = broken[:-1]
    elif damage == "half":
        broken = broken[: len(broken) // 2]
    elif damage == "empty":
        broken = bytearray()
    elif damage == "flipped bit":
        broken[cache.HEADER + 3000] ^= 1
    elif damage == "header":
        broken[:4] = b"\xff\xfe{}"
    elif damage == "labels":
        broken[-8] ^= 1
    else:
        broken += b"0"
    path.write_bytes(broken)
    capsys.readouterr()
    data = WorldDataset(CONFIG, "train", 20, tmp_path)
    assert "is damaged" in capsys.readouterr().out
    assert path.read_bytes() == whole
    np.testing.assert_array_equal(data.images, WorldDataset(CONFIG, "train", 20, False).images)


def test_other_configs_splits_lengths_and_renderers_have_other_files(tmp_path, monkeypatch):
    paths = {
        cache.path_of(config, split, length, tmp_path)
        for config in (CONFIG, WorldConfig(size=32, seed=1))
        for split in ("train", "test")
        for length in (10, 11)
    }
    monkeypatch.setattr(cache.render, "RENDERER", 10**6)
    paths.add(cache.path_of(CONFIG, "train", 10, tmp_path))
    assert len(paths) == 9


def test_a_file_under_a_wrong_name_is_not_believed(tmp_path, capsys):
    other = WorldDataset(WorldConfig(size=32, seed=1), "train", 20, tmp_path).path
    os.replace(other, cache.path_of(CONFIG, "train", 20, tmp_path))
    WorldDataset(CONFIG, "train", 20, tmp_path)
    assert "describes other pictures" in capsys.readouterr().out


def test_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "there"))
    assert WorldDataset(CONFIG, "train", 5).path.parent == tmp_path / "there"
    assert WorldDataset(CONFIG, "train", 5, tmp_path / "here").path.parent == tmp_path / "here"
    monkeypatch.delenv("COURSE_CACHE")
    assert cache.folder().name == "ssl-course"


def test_an_unwritable_folder_gives_a_sentence_and_pictures(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    data = WorldDataset(CONFIG, "train", 20, blocked / "below")
    said = capsys.readouterr().out
    assert "cannot be" in said
    assert "memory instead" in said
    assert data.path is None
    np.testing.assert_array_equal(data.images, WorldDataset(CONFIG, "train", 20, False).images)
    assert data[3]["image"].shape == (3, 32, 32)


def test_a_full_disk_gives_a_sentence_and_leaves_no_litter(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "fill", full)
    data = WorldDataset(CONFIG, "train", 20, tmp_path)
    assert "No space left on device" in capsys.readouterr().out
    assert len(data) == 20
    assert files(tmp_path) == []


def test_an_interrupted_build_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "fill", stop)
    with pytest.raises(KeyboardInterrupt):
        WorldDataset(CONFIG, "train", 20, tmp_path)
    assert files(tmp_path) == []


def test_old_leftovers_are_removed_and_fresh_ones_kept(tmp_path):
    old, fresh = tmp_path / ".world-old.part", tmp_path / ".world-new.part"
    old.write_bytes(b"1")
    fresh.write_bytes(b"1")
    os.utime(old, (0, 0))
    WorldDataset(CONFIG, "train", 5, tmp_path)
    assert not old.exists()
    assert fresh.exists()


def test_two_processes_may_build_at_once(tmp_path, root):
    path = cache.path_of(CONFIG, "train", 200, tmp_path)
    code = (
        "from pathlib import Path; from course_lib.world import WorldConfig, build, cache;"
        f"c = WorldConfig(size=32); p = Path({str(path)!r});"
        "cache.build(p, c, 'train', 200, lambda t: build.fill_file(t, c, 'train', 200));"
        "print(int(cache.open_file(p, c, 'train', 200)[0].sum()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    running = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = {int(process.communicate()[0]) for process in running}
    assert said == {int(WorldDataset(CONFIG, "train", 200, tmp_path).images.sum())}
    assert files(tmp_path) == [path.name]


def test_items_hold_what_was_asked_for(tmp_path):
    fields = dataset_module.FIELDS
    data = WorldDataset(CONFIG, "train", 12, tmp_path, fields=fields)
    world = World(CONFIG)
    item, scene = data[-5], world.scene(7)
    assert tuple(item) == fields
    assert item["image"].dtype == torch.uint8
    rendered = world.render(scene)
    np.testing.assert_array_equal(item["image"].numpy(), rendered.image.transpose(2, 0, 1))
    np.testing.assert_array_equal(item["masks"].numpy(), rendered.masks)
    np.testing.assert_array_equal(item["boxes"].numpy(), rendered.boxes)
    np.testing.assert_array_equal(item["depth"].numpy(), rendered.depth)
    assert item["scene"] == scene
    assert item["captions"] == world.captions(scene)
    assert item["questions"] == world.questions(scene)
    assert (item["label"], item["index"], item["copy"]) == (world.label(scene), 7, None)
    item["image"][:] = 0  # an item is the caller's own
    assert data[7]["image"].sum() > 0
    assert set(WorldDataset(CONFIG, "train", 12, tmp_path)[0]) == {"image", "label", "scene"}


def test_it_feeds_a_data_loader_and_travels_without_its_pictures(tmp_path):
    data = WorldDataset(CONFIG, "train", 12, tmp_path, fields=("image", "label"))
    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=5)))
    assert batch["image"].shape == (5, 3, 32, 32)
    assert batch["label"].tolist() == data.labels[:5].tolist()
    rich = WorldDataset(
        CONFIG, "train", 12, tmp_path, fields=("image", "depth", "index", "masks", "captions")
    )
    loader = torch.utils.data.DataLoader(rich, batch_size=4, collate_fn=WorldDataset.collate)
    batch = next(iter(loader))
    assert batch["depth"].shape == (4, 32, 32)
    assert len(batch["masks"]) == len(batch["captions"]) == 4
    sent = pickle.dumps(data)
    assert len(sent) < 20_000
    np.testing.assert_array_equal(pickle.loads(sent).images, data.images)


def test_bad_arguments_are_named():
    for arguments, name in (
        ({"length": 0}, "length"),
        ({"length": 2.5}, "length"),
        ({"workers": 0}, "workers"),
        ({"fields": ("picture",)}, "fields"),
        ({"fields": "image"}, "fields"),
        ({"split": "dev"}, "split"),
    ):
        with pytest.raises(ValueError, match=f"{name} is "):
            WorldDataset(CONFIG, **arguments)
    data = WorldDataset(CONFIG, length=3, cache=False)
    for index in (3, -4):
        with pytest.raises(IndexError, match="there are 3 scenes"):
            data[index]
    assert [item["label"] for item in data] == data.labels.tolist()


def test_importing_the_world_does_not_import_torch(root):
    code = "import sys, course_lib.world, course_lib.world.build; print('torch' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "False"

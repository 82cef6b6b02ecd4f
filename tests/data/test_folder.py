import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import data
from course_lib.data.folder import listing


def picture(path, color, size=(20, 12), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)


@pytest.fixture
def animals(tmp_path):
    folder = tmp_path / "animals"
    for number in range(10):
        picture(folder / "cat" / f"{number}.png", (20 * number, 0, 0))
        picture(folder / "dog" / "more" / f"{number}.jpg", (0, 0, 200), size=(12, 30))
    (folder / "empty").mkdir()
    picture(folder / "logo.png", (255, 255, 255))  # beside the classes: not part of the set
    return folder


def test_class_folders(animals):
    train, val = data.load(animals, size=8), data.load(str(animals), "val", size=8)
    assert train.classes == ["cat", "dog"]
    assert (len(train), len(val)) == (18, 2)
    assert train.images.shape == (18, 3, 8, 8)
    assert train.name == "animals"
    labels = torch.cat([train.labels, val.labels])
    assert labels.bincount().tolist() == [10, 10]
    images = torch.cat([train.images, val.images])
    reds = images[labels == 0][:, 0, 4, 4].sort().values
    assert reds.tolist() == [20 * k for k in range(10)]  # every image in exactly one of the two splits
    assert (images[labels == 1][:, 2, 4, 4].int() - 200).abs().max() <= 3  # JPEG


def test_default_size_and_length(animals):
    assert data.load(animals).images.shape == (18, 3, 128, 128)
    few = data.load(animals, size=8, length=4)
    more = data.load(animals, size=8, length=9)
    assert len(few) == 4
    seen = [image.tolist() for image in more.images]
    assert all(image.tolist() in seen for image in few.images)


def test_flat_folder_has_no_labels(tmp_path):
    for number in range(20):
        picture(tmp_path / "flat" / f"{number}.png", number)
    flat = data.load(tmp_path / "flat", size=8)
    assert flat.labels.tolist() == [-1] * 18
    assert flat.classes == []


def test_split_folders(tmp_path):
    for split, count in (("train", 10), ("valid", 3), ("test", 4)):
        for number in range(count):
            picture(tmp_path / "set" / split / "a" / f"{number}.png", number)
    sizes = [len(data.load(tmp_path / "set", split, size=8)) for split in ("train", "val", "test")]
    assert sizes == [10, 3, 4]


def test_resized_then_cut_to_the_centre(tmp_path):
    """A wide picture, green in the middle square, red on both sides: only green may remain."""
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, :, 0] = 255
    image[:, 18:42] = (0, 255, 0)  # two pixels more: a resize looks at neighbours
    (tmp_path / "one").mkdir()
    for number in range(2):
        Image.fromarray(image).save(tmp_path / "one" / f"{number}.png")
    cut = data.load(tmp_path / "one", size=10).images[0]
    assert cut[1].min() == 255
    assert cut[0].max() == 0


def test_transparency_grey_and_camera_rotation(tmp_path):
    folder = tmp_path / "odd"
    picture(folder / "a" / "0.png", (0, 0, 0, 0), mode="RGBA")
    picture(folder / "a" / "1.png", 77, mode="L")
    sideways = Image.new("RGB", (20, 10), "black")
    sideways.paste("white", (0, 0, 10, 10))  # white left; EXIF 6 says: turn clockwise, so white becomes top
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(folder / "a" / "2.jpg", exif=exif, quality=95)
    images = torch.cat([data.load(folder, split, size=10).images for split in ("train", "val")])
    assert any(image.min() == 255 for image in images)
    assert any((image == 77).all() for image in images)
    photo = next(image for image in images if image.float().std() > 50)
    assert photo[:, 0].min() > 200
    assert photo[:, -1].max() < 50


def test_prepared_once_and_remade_when_damaged_or_changed(animals, own_folders, monkeypatch):
    first = data.load(animals, size=8).images.clone()
    files = sorted((own_folders / "cache" / "prepared").glob("*"))
    assert len(files) == 2  # images and labels, no half-written leftovers

    from course_lib.data import prepare

    calls = []
    square = prepare.square
    monkeypatch.setattr(prepare, "square", lambda *a: calls.append(1) or square(*a))
    assert torch.equal(data.load(animals, size=8).images, first)
    assert not calls  # read from the file
    images = next(file for file in files if "labels" not in file.name)
    images.write_bytes(images.read_bytes()[:-100])
    assert torch.equal(data.load(animals, size=8).images, first)
    assert len(calls) == 18
    picture(animals / "cat" / "0.png", (0, 255, 0), size=(40, 40))
    again = torch.cat([data.load(animals, split, size=8).images for split in ("train", "val")])
    assert (again[:, 1, 4, 4] == 255).any()


@pytest.mark.parametrize("name", ["broken.png", "cut.jpg"])
def test_an_unreadable_image_is_named(animals, name):
    jpeg = (animals / "dog" / "more" / "1.jpg").read_bytes()
    (animals / "dog" / name).write_bytes(jpeg[: len(jpeg) // 2] if name == "cut.jpg" else b"not a picture")
    found = listing(animals)
    row = next(row for row, path in enumerate(found.paths) if path.name == name)
    with pytest.raises(ValueError, match=rf"{name} cannot be read as an image .*remove or replace it"):
        found.picture(row)


def test_a_failure_leaves_no_file_behind(animals, own_folders):
    for number in range(20):
        (animals / "cat" / f"broken{number}.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match="cannot be read"):
        data.load(animals, size=8)
    assert list((own_folders / "cache" / "prepared").iterdir()) == []


def test_a_cache_that_cannot_be_written(animals, own_folders, monkeypatch):
    (own_folders / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE", str(own_folders / "file"))
    with pytest.raises(OSError, match=r"cannot write .*file.*COURSE_CACHE to a folder with space") as caught:
        data.load(animals, size=8)
    assert caught.value.__suppress_context__


def test_a_full_disk_is_noticed_before_writing(animals, monkeypatch):
    from course_lib.data import prepare

    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda _: type("usage", (), {"free": 10}))
    with pytest.raises(OSError, match="No space left on device"):
        data.load(animals, size=8)


@pytest.mark.parametrize(
    ("split", "error", "sentence"),
    [
        ("test", FileNotFoundError, "no test images; put train/ and test/ folders into it"),
        ("unlabeled", ValueError, "has no split 'unlabeled'"),
        ("tset", ValueError, "split is 'tset'; one of 'train', 'val', 'test', 'unlabeled'"),
    ],
)
def test_splits_that_are_not_there(animals, split, error, sentence):
    with pytest.raises(error, match=sentence):
        data.load(animals, split)


def test_empty_and_single(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match="holds no images; one sub-folder per class, or images side by side"
    ):
        data.load(tmp_path / "empty")
    picture(tmp_path / "single" / "a.png", 3)
    assert len(data.load(tmp_path / "single", size=8)) == 1
    with pytest.raises(ValueError, match="no image is left for this split; the folder holds 1"):
        data.load(tmp_path / "single", "val")

import pytest
import torch


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No test reads the user's datasets, or what another test has prepared."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def pictures(generator):
    """(48, 3, 32, 40) smooth pictures, the first with the corner cases of colour."""
    small = torch.rand(48, 3, 5, 5, generator=generator)
    images = torch.nn.functional.interpolate(small, (32, 40), mode="bicubic").clamp(0, 1)
    images[0], images[1], images[2] = 0, 1, 0.5
    images[3] = images[3].round()  # pure colours only
    images[4, 1] = images[4, 2]  # two channels equal: hue at a corner
    images[5] = 0.5 + 1e-4 * images[5]  # almost no colour
    return images

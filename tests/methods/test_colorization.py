import math

import pytest
import torch

from course_lib.data.lab import rgb_to_lab
from course_lib.methods.colorization import Colorization, color_classes
from course_lib.models import VisionTransformer, resnet

from .pretext_pictures import as_one_view, seeded, silence
from .small import Pixels, assert_resumed_equals_whole, pictures, tiny_resnet, train


def make(encoder=tiny_resnet, **options):
    torch.manual_seed(0)
    return Colorization(encoder(), **{"grid": 2, "augment": as_one_view, **options})


def flags(number=16, side=16):
    """Bright quadrants are red, dark ones blue: lightness tells the colour. uint8."""
    bright = torch.randint(0, 2, (number, 1, 2, 2), generator=seeded()).bool()
    red, blue = (torch.tensor(c).view(1, 3, 1, 1) for c in ((250, 120, 120), (10, 20, 90)))
    small = torch.where(bright, red, blue)
    return small.repeat_interleave(side // 2, 2).repeat_interleave(side // 2, 3).to(torch.uint8), bright[:, 0]


def test_classes_are_the_squares_that_srgb_reaches():
    centres = color_classes(20)
    assert len(centres) == 75
    assert (centres % 20 == 0).all()
    assert (centres == 0).all(dim=1).sum() == 1  # grey
    assert len(centres.unique(dim=0)) == len(centres)
    ab = rgb_to_lab(torch.rand(1, 3, 40, 40, generator=seeded()))[0, 1:].flatten(1).T
    assert (torch.cdist(ab, centres).amin(1) <= 0.5 * 20 * 2**0.5 + 1e-3).all()


def test_the_answer_is_the_nearest_square_to_the_cells_mean_colour():
    method = make()
    red, grey, green, blue = (250, 0, 0), (128, 128, 128), (0, 250, 0), (0, 0, 250)
    image = torch.tensor([[red, grey], [green, blue]], dtype=torch.uint8).permute(2, 0, 1)
    image = image.repeat_interleave(8, 1).repeat_interleave(8, 2)[None]
    lightness, answer = method.views(image)
    assert answer.shape == (1, 2, 2)
    assert answer.dtype == torch.int64
    centres = method.centres[answer[0]]  # (2, 2, 2)
    expected = [
        [(80, 60), (0, 0)],
        [(-80, 80), (80, -100)],
    ]  # sRGB red (79, 66), green (-85, 82), blue (78, -106)
    assert centres.tolist() == [[list(map(float, c)) for c in row] for row in expected]
    assert lightness.shape == (1, 3, 16, 16)
    assert torch.equal(lightness[:, 0], lightness[:, 1])
    assert torch.equal(lightness[:, 0], lightness[:, 2])
    assert lightness[0, 0, 0, 15].item() == pytest.approx(0.5359, abs=1e-3)


def test_the_input_holds_no_colour():
    method = make()
    image = torch.rand(1, 3, 8, 8, generator=seeded())
    other = rgb_to_lab(image)
    lightness = method.views(image)[0]
    assert torch.allclose(lightness[:, 0] * 100, other[:, 0], atol=1e-4)
    assert rgb_to_lab(lightness)[:, 1:].abs().max() < 1e-3


def test_stuck_value_is_the_loss_of_equal_scores():
    method = make()
    silence(method.head)
    value = method.loss(method.views(pictures(8))).item()
    assert method.stuck_values(8) == {"ln(classes)": math.log(75)}
    assert value == pytest.approx(math.log(75), rel=1e-6)


@pytest.mark.parametrize(
    "encoder",
    [tiny_resnet, lambda: resnet((4,), (1,), "small"), lambda: VisionTransformer(16, 4, 8, 1, 2, 2)],
)
def test_a_map_of_any_size_is_brought_to_the_grid(encoder):
    for grid in (2, 6):
        method = make(encoder, grid=grid)
        views = method.views(torch.rand(3, 3, 16, 24, generator=seeded()))
        assert method.scores(views[0]).shape == (3, 75, grid, grid)
        trainer = train(method, 1, images=pictures(8))
        assert 0 <= trainer.logged_metrics["accuracy"] <= 1


def test_scores_keep_their_place():
    """The cell that sees a change is the cell that lies there."""
    method = make(lambda: VisionTransformer(16, 8, 8, 1, 2), grid=2).eval()
    weights = method.encoder.blocks[0].attention.projection
    torch.nn.init.zeros_(weights.weight)  # no patch looks at another
    torch.nn.init.zeros_(weights.bias)
    images = torch.rand(1, 3, 16, 16, generator=seeded())
    changed = images.clone()
    changed[:, :, :8, 8:] = 1 - changed[:, :, :8, 8:]
    moved = (method.scores(images) - method.scores(changed)).abs().amax(1)[0] > 1e-4
    assert moved.tolist() == [[False, True], [False, False]]


def test_learns_colours_that_lightness_tells_and_paints_them():
    images, bright = flags()
    method = make(lambda: resnet((8, 16), (1, 1)), learning_rate=0.02)
    train(method, 60, batch_size=16, images=images)
    method.eval()
    assert method.loss(method.views(images)).item() < 0.3
    painted = method.colorize(images)
    assert painted.shape == images.shape
    middle = painted[:, :, 4::8, 4::8]  # one pixel of each quadrant
    assert torch.equal(middle[:, 0] > middle[:, 2], bright)
    off = rgb_to_lab(middle)[:, 1:] - rgb_to_lab(images[:, :, 4::8, 4::8].float() / 255)[:, 1:]
    assert off.abs().median() < 12  # half a square, and a little
    lightness = rgb_to_lab(painted)[:, 0] - rgb_to_lab(images.float() / 255)[:, 0]
    assert lightness.abs().median() < 2  # its own lightness, clipped here and there


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(make, tmp_path, steps=4)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(Pixels), TypeError, "Pixels without features_at"),
        (lambda: make(grid=0), ValueError, "grid=0"),
        (lambda: make(bin_size=0), ValueError, "bin_size=0"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()

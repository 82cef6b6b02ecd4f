import math

import pytest
import torch

from course_lib.methods.context import NEIGHBOURS, ContextPrediction, drop_colors
from course_lib.methods.jigsaw import Jigsaw, permutation_set, standardise_tiles
from course_lib.methods.pretext import answer_loss, cut_tiles
from course_lib.methods.rotation import Rotation
from course_lib.models import VisionTransformer

from .pretext_pictures import Thumbnail, addresses, as_one_view, assert_uniform, ramps, seeded, silence
from .small import Pixels, assert_resumed_equals_whole, pictures, tiny_resnet, train


def rotation(encoder=None, **options):
    torch.manual_seed(0)
    return Rotation((encoder or Thumbnail)(), **{"augment": as_one_view, **options})


def context(encoder=None, **options):
    torch.manual_seed(0)
    return ContextPrediction((encoder or Pixels)(), **options)


def jigsaw(encoder=None, **options):
    torch.manual_seed(0)
    return Jigsaw((encoder or Pixels)(), **{"permutations": 6, **options})


def test_tiles_are_cut_where_they_should_be():
    images = pictures(2, 10).float()
    tops, lefts = torch.tensor([[0, 7, 2], [3, 1, 6]]), torch.tensor([[5, 0, 1], [2, 4, 0]])
    tiles = cut_tiles(images, tops, lefts, (3, 4))
    assert tiles.shape == (2, 3, 3, 3, 4)
    for b in range(2):
        for t in range(3):
            top, left = tops[b, t], lefts[b, t]
            assert torch.equal(tiles[b, t], images[b, :, top : top + 3, left : left + 4])


# Rotation


def test_the_answer_is_the_number_of_quarter_turns_counter_clockwise():
    red, green, blue, white = [*torch.eye(3).tolist(), [1.0] * 3]
    image = torch.tensor([[red, green], [blue, white]]).permute(2, 0, 1)
    image = image.repeat_interleave(4, 1).repeat_interleave(4, 2)[None]  # quadrants of 4 x 4 pixels
    upper_left = [red, green, white, blue]  # a turn to the left brings the right side up
    turned, answer = rotation().views(image)
    assert answer.tolist() == [0, 1, 2, 3]
    for picture, turns in zip(turned, answer, strict=True):
        assert picture[:, 0, 0].tolist() == upper_left[turns]
        assert torch.equal(picture, image[0].rot90(int(turns), (1, 2)))


def test_all_four_copies_of_an_image_or_one_drawn_for_each():
    images = pictures(3).float() / 255
    turned, answer = rotation().views(images)
    assert turned.shape == (12, 3, 16, 16)
    assert answer.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert torch.equal(turned[:3], images)
    turned, answer = rotation(all_four=False).views(images.repeat(400, 1, 1, 1), generator=seeded())
    assert turned.shape == (1200, 3, 16, 16)
    assert_uniform(answer, 4)
    for i in range(20):
        assert torch.equal(turned[i], images[i % 3].rot90(int(answer[i]), (1, 2)))


def test_rotation_learns_from_images_with_an_up_and_not_from_images_without():
    sky = torch.full((16, 3, 16, 16), 40, dtype=torch.uint8)
    sky[:, :, :6] = torch.randint(150, 255, (16, 3, 1, 1), generator=seeded(), dtype=torch.uint8)
    for images, learns in ((sky, True), (torch.full_like(sky, 90), False)):
        method = rotation(learning_rate=0.03)
        train(method, 40, batch_size=16, images=images)
        loss = method.loss(method.views(images)).item()
        assert (loss < 0.2) == learns
        assert learns or loss == pytest.approx(math.log(4), abs=0.02)


# Context prediction


@pytest.mark.parametrize(("gap", "jitter"), [(0, 0), (4, 0), (3, 2)])
@pytest.mark.parametrize("shape", [(48, 48), (40, 56)])
def test_the_answer_is_the_side_on_which_the_neighbour_lies(gap, jitter, shape):
    method = context(patch_size=10, gap=gap, jitter=jitter, drop_colors=False)
    centre, neighbour, answer = method.views(addresses(300, *shape), generator=seeded())
    assert centre.shape == neighbour.shape == (300, 3, 10, 10)
    centre, neighbour = ((255 * p).round().long() for p in (centre, neighbour))
    for patch in (centre, neighbour):  # cut out of the image as it is
        assert (patch[:, 0].diff(dim=1) == 1).all()
        assert (patch[:, 1].diff(dim=2) == 1).all()
    step = neighbour[:, :2, 0, 0] - centre[:, :2, 0, 0]  # (row, column) from corner to corner
    off = step - (10 + gap) * NEIGHBOURS[answer]
    assert off.abs().max() <= 2 * jitter
    assert (step.sign() == NEIGHBOURS[answer].sign())[NEIGHBOURS[answer] != 0].all()
    if jitter:  # each patch is moved by itself, in both directions, in both axes
        assert off.amin(0).tolist() == [-2 * jitter] * 2
        assert off.amax(0).tolist() == [2 * jitter] * 2


def test_neighbours_are_eight_different_sides_and_equally_likely():
    assert len({tuple(side) for side in NEIGHBOURS.tolist()} - {(0, 0)}) == 8
    _, answer = context().places(4000, 48, 48, seeded())
    assert_uniform(answer, 8)


def test_the_centres_place_says_nothing_about_the_answer_and_covers_all_that_fits():
    method = context(patch_size=8, gap=2, jitter=1)
    corners, answer = method.places(8000, 48, 40, seeded())
    centre = corners[:, 0]
    assert corners.min() == 0
    assert corners.amax(dim=(0, 1)).tolist() == [40, 32]  # the last rows and columns are reached
    middle = centre.double().mean(0)
    assert middle.tolist() == pytest.approx([20, 16], abs=0.3)
    for side in range(8):
        own = centre[answer == side].double()
        error = own.std(0) / len(own) ** 0.5
        assert ((own.mean(0) - middle).abs() < 4 * error).all()


def test_default_sizes_follow_the_image():
    assert context().sizes(48, 48) == (12, 3, 1)
    assert context().sizes(224, 300) == (56, 14, 4)
    assert context(patch_size=16, gap=0, jitter=0).sizes(48, 64) == (16, 0, 0)


def test_dropped_colours_leave_one_channel():
    patches = pictures(600, 8).float() / 255
    dropped = drop_colors(patches, seeded())
    same = (dropped == patches).all(dim=(2, 3))  # (600, 3)
    assert (same.sum(1) == 1).all()
    assert_uniform(same.int().argmax(1), 3)
    noise = dropped[~same].double()  # (1200, 8, 8)
    assert noise.mean().item() == pytest.approx(0.5, abs=1e-4)
    spread = patches[same].double().std(dim=(1, 2)).repeat_interleave(2) / 100
    assert noise.std(dim=(1, 2)).div(spread).mean().item() == pytest.approx(1, abs=0.02)


def test_the_two_patches_lose_colours_independently_and_only_if_asked():
    images = pictures(600, 48)
    centre, neighbour, _ = context(drop_colors=True).views(images, generator=seeded())
    spreads = [p.std(dim=(2, 3)) for p in (centre, neighbour)]
    assert all((s > 0.02).sum(1).eq(1).all() for s in spreads)  # the noise is 100 times smaller
    left = [s.argmax(1) for s in spreads]
    assert_uniform(3 * left[0] + left[1], 9)
    plain = context(drop_colors=False).views(images, generator=seeded())
    assert all(p.std(dim=(2, 3)).min() > 0.1 for p in plain[:2])


def test_context_learns_on_which_side_the_neighbour_lies():
    method = context(drop_colors=False, learning_rate=0.03)
    images = ramps(64)
    train(method, 60, batch_size=64, images=images)
    assert method.loss(method.views(images, generator=seeded(9))).item() < 0.5 * math.log(8)


def test_scores_see_the_two_patches_in_order():
    method = context(Thumbnail).eval()
    centre, neighbour, answer = method.views(pictures(6, 48), generator=seeded())
    features = torch.cat([method.encoder(centre), method.encoder(neighbour)], dim=1)
    assert torch.allclose(method.scores(centre, neighbour), method.head(features), atol=1e-6)
    expected = torch.nn.functional.cross_entropy(method.head(features), answer)
    assert torch.allclose(method.loss([centre, neighbour, answer]), expected, atol=1e-6)


# Jigsaw


@pytest.mark.parametrize(("number", "tiles"), [(64, 9), (24, 4), (2, 2)])
def test_permutations_are_permutations_and_all_different(number, tiles):
    orders = permutation_set(number, tiles)
    assert torch.equal(orders.sort(dim=1)[0], torch.arange(tiles).expand(number, -1))
    assert len({tuple(order) for order in orders.tolist()}) == number


def smallest_distance(orders):
    distance = (orders[:, None] != orders[None]).sum(2)
    return distance[~torch.eye(len(orders), dtype=torch.bool)].min().item()


def test_permutations_are_far_apart_and_chosen_greedily():
    orders = permutation_set(64)
    assert smallest_distance(orders) == 7
    assert smallest_distance(torch.rand(64, 9, generator=seeded()).argsort(1)) <= 4  # what chance gives
    assert smallest_distance(permutation_set(8)) >= 8
    assert smallest_distance(permutation_set(4, 4)) == 4
    assert torch.equal(permutation_set(10), permutation_set(64)[:10])  # each next one is added to the others
    distances = [smallest_distance(orders[: k + 1]) for k in range(1, 64)]
    assert distances == sorted(distances, reverse=True)
    assert not torch.equal(permutation_set(64, seed=1), orders)


@pytest.mark.parametrize("shape", [(48, 48), (33, 60)])
def test_place_k_holds_the_tile_that_the_order_names(shape):
    method = jigsaw(permutations=30, tile=9, standardise=False)
    puzzle, answer = method.views(addresses(200, *shape), generator=seeded())
    assert puzzle.shape == (200, 9, 3, 9, 9)
    address = (255 * puzzle).round().long()
    assert (address[:, :, 0].diff(dim=2) == 1).all()
    cell = (shape[0] // 3, shape[1] // 3)
    for corner in (address[..., 0, 0], address[..., -1, -1]):  # the whole tile lies inside its cell
        row, column = corner[:, :, 0] // cell[0], corner[:, :, 1] // cell[1]
        assert torch.equal(3 * row + column, method.permutations[answer])
    inside = address[:, :, 0, 0, 0] % cell[0]
    assert inside.min() == 0
    assert inside.max() == cell[0] - 9
    assert (inside.amax(1) > inside.amin(1)).float().mean() > 0.9  # each tile has a shift of its own
    tall = jigsaw(grid=2, tile=shape[0] // 2, standardise=False)
    fixed = tall.views(addresses(50, *shape), generator=seeded())[0]
    assert set((255 * fixed[:, :, 0, 0, 0]).round().long().flatten().tolist()) == {0, shape[0] // 2}


def test_orders_are_equally_likely():
    _, answer = jigsaw().views(pictures(8, 12).repeat(400, 1, 1, 1), generator=seeded())
    assert_uniform(answer, 6)


def test_tiles_are_standardised_one_by_one_and_flat_tiles_stay_finite():
    tiles = (
        pictures(6, 12).float().view(2, 3, 3, 12, 12)
        / 255
        * torch.tensor([0.2, 0.5, 1.0]).view(1, 3, 1, 1, 1)
    )
    out = standardise_tiles(tiles)
    assert torch.allclose(out.mean(dim=(3, 4)), torch.full((2, 3, 3), 0.5), atol=1e-5)
    assert torch.allclose(out.std(dim=(3, 4), correction=0), torch.full((2, 3, 3), 0.25), atol=1e-5)
    assert torch.allclose(standardise_tiles(0.3 * tiles + 0.6), out, atol=1e-4)
    assert torch.allclose(standardise_tiles(torch.full((1, 1, 3, 4, 4), 0.9)), torch.tensor(0.5), atol=1e-5)
    faint = 0.5 + 0.001 * torch.randn(1, 1, 3, 8, 8)
    assert standardise_tiles(faint).std() < 0.1  # not blown up to full contrast


def test_default_tile_is_85_percent_of_the_cell():
    assert jigsaw().places(2, 225, 225)[2] == 64
    assert jigsaw().places(2, 48, 60)[2] == 14


def test_brightness_gives_the_order_away_unless_tiles_are_standardised():
    """An encoder that sees only the mean colour: it solves the puzzle with the shortcut, and only with it."""
    images = ramps(64)
    losses = {}
    for standardise in (False, True):
        method = jigsaw(standardise=standardise, learning_rate=0.03, hidden_size=32)
        train(method, 60, batch_size=64, images=images)
        losses[standardise] = method.loss(method.views(images, generator=seeded(9))).item()
    assert losses[False] < 0.3 * math.log(6)
    assert losses[True] > 0.9 * math.log(6)


# All of them


CASES = {
    "rotation": (rotation, 16, "ln 4", 4),
    "context": (context, 24, "ln 8", 8),
    "jigsaw": (jigsaw, 24, "ln(permutations)", 6),
}


@pytest.mark.parametrize("name", CASES)
def test_stuck_value_is_the_loss_of_equal_scores(name):
    make, side, formula, answers = CASES[name]
    method = make()
    silence(method.head)
    value = method.loss(method.views(pictures(8, side), generator=seeded())).item()
    assert method.stuck_values(8) == {formula: math.log(answers)}
    assert value == pytest.approx(math.log(answers), rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_views_carry_the_answer_last_and_draw_from_the_generator_only(name):
    make, side, _, _ = CASES[name]
    options = {"all_four": False} if name == "rotation" else {}
    method, images = make(**options), pictures(20, side)
    first, second, other = (method.views(images, generator=seeded(s)) for s in (0, 0, 1))
    assert first[-1].dtype == torch.int64
    assert first[-1].shape == (20,)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[-1], other[-1])
    assert all(view.dtype == torch.float32 for view in first[:-1])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("encoder", [tiny_resnet, lambda: VisionTransformer(12, 4, 8, 1, 2)])
def test_resnet_and_vit_of_any_image_size_run_in_the_training_loop_and_log_accuracy(name, encoder):
    make = CASES[name][0]
    options = {"rotation": {}, "context": {"patch_size": 8}, "jigsaw": {"tile": 8}}[name]
    method = make(encoder, **options)
    trainer = train(method, 2, images=pictures(8, 32))
    assert 0 <= trainer.logged_metrics["accuracy"] <= 1


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_run_equals_the_uninterrupted_one(name, tmp_path):
    make, side, _, _ = CASES[name]
    assert_resumed_equals_whole(lambda: make(tiny_resnet), tmp_path, steps=4, images=pictures(8, side))


def test_default_augmentation_keeps_the_size():
    torch.manual_seed(0)
    turned, answer = Rotation(Pixels()).views(pictures(5), generator=seeded())
    assert turned.shape == (20, 3, 16, 16)
    assert answer.shape == (20,)


def test_answer_loss_is_float32_inside():
    scores, answer = torch.randn(6, 4).bfloat16(), torch.tensor([0, 1, 2, 3, 0, 1])
    value = answer_loss(rotation(), scores, answer)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(torch.nn.functional.cross_entropy(scores.float(), answer).item())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: rotation().views(torch.rand(2, 3, 8, 12)), "square"),
        (lambda: context(patch_size=0), "patch_size=0"),
        (lambda: context(gap=-1), "gap=-1"),
        (lambda: context(patch_size=16, gap=1).views(pictures(2, 48)), "need 5[0-9]; make patch_size, gap"),
        (lambda: jigsaw(tile=9).views(pictures(2, 24)), "tile is 9, but a cell of the 3 x 3 grid on 24 x 24"),
        (lambda: jigsaw(permutations=1), "number=1"),
        (lambda: jigsaw(grid=2, permutations=25), "number=25, tiles=4"),
        (lambda: jigsaw(grid=4), "tiles=16"),
    ],
)
def test_bad_input_is_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

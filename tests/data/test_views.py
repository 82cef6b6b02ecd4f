import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from course_lib.data import MultiCrop, Recipe, TwoViews, asymmetric_views, default_views
from course_lib.data.recipe import POLICIES, describe, make_views


def torchvision_recipe(name, size):
    """The papers' recipes as torchvision users write them, one image at a time."""
    least = {"simclr": 0.08, "moco_v1": 0.2, "moco_v2": 0.2, "small": 0.6}[name]
    crop = v2.RandomResizedCrop(size, scale=(least, 1.0), antialias=True)
    flip, gray = v2.RandomHorizontalFlip(), v2.RandomGrayscale(0.2)
    if name == "moco_v1":
        return v2.Compose([crop, gray, v2.ColorJitter(0.4, 0.4, 0.4, 0.4), flip])
    jitter = (0.4, 0.4, 0.4, 0.1)  # SimCLR at strength 0.5, what it takes for small images, and MoCo v2
    return v2.Compose([crop, v2.RandomApply([v2.ColorJitter(*jitter)], p=0.8), gray, flip])


@pytest.mark.parametrize("name", list(POLICIES))
def test_views_follow_the_papers_recipe_in_torchvision(name, generator):
    """One picture, many views by each: clouds of colour, contrast, greyness and place must agree."""
    torch.manual_seed(0)
    small = torch.rand(1, 3, 4, 4, generator=generator) * torch.tensor([1.0, 0.7, 0.4])[:, None, None]
    picture = torch.nn.functional.interpolate(small, (24, 32), mode="bicubic").clamp(0, 1)[0]
    transform = torchvision_recipe(name, 16)
    theirs = torch.stack([transform(picture) for _ in range(800)])
    ours = torch.cat(TwoViews(name, size=16)(picture.expand(1600, -1, -1, -1), generator))
    statistics = {f"mean of channel {c}": lambda x, c=c: x[:, c].mean((1, 2)) for c in range(3)}
    statistics |= {
        "contrast": lambda x: x.flatten(1).std(1),
        "colourfulness": lambda x: (x[:, 0] - x[:, 1]).abs().mean((1, 2)),
        "left minus right": lambda x: (x[..., :8] - x[..., 8:]).mean((1, 2, 3)),
        "top minus bottom": lambda x: (x[:, :, :8] - x[:, :, 8:]).mean((1, 2, 3)),
        "middle pixel": lambda x: x[:, 1, 8, 8],
    }
    for title, statistic in statistics.items():
        p = stats.ks_2samp(statistic(ours).numpy(), statistic(theirs).numpy()).pvalue
        assert p > 1e-3, f"{title}: p = {p}"
    greys = [(x[:, 0] - x[:, 1]).abs().flatten(1).amax(1).lt(1e-6).float().mean() for x in (ours, theirs)]
    assert abs(greys[0] - greys[1]) < 4 * (0.2 * 0.8 * (1 / len(ours) + 1 / len(theirs))) ** 0.5


@pytest.mark.parametrize(
    ("side", "views"),
    [(28, TwoViews("small", size=28)), (48, TwoViews("small", size=32)), (96, TwoViews("simclr"))],
)
def test_default_views_are_small_on_small_images_and_the_papers_above(side, views, generator):
    images = torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8, generator=generator)
    ours = default_views(images, torch.Generator().manual_seed(1))
    theirs = views(images, torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_two_views_are_of_the_same_image_and_differ(generator):
    """Image i is of one colour i: without colour changes both its views must be, in their own row."""
    plain = Recipe(jitter=(0, 0, 0, 0), gray_p=0.0, blur_p=0.0)
    colors = torch.rand(40, 3, 1, 1, generator=generator)
    first, second = TwoViews(plain)(colors.expand(-1, -1, 20, 20), generator)
    for view in (first, second):
        torch.testing.assert_close(view, colors.expand(-1, -1, 20, 20), atol=1e-6, rtol=0)
    pictures = torch.rand(40, 3, 20, 20, generator=generator)
    first, second = TwoViews(plain)(pictures, generator)
    assert (first != second).flatten(1).any(1).all()


def test_uint8_and_float_give_the_same_views(generator):
    images = torch.randint(0, 256, (9, 3, 20, 20), dtype=torch.uint8, generator=generator)
    a = TwoViews()(images, torch.Generator().manual_seed(0))
    b = TwoViews()(images / 255, torch.Generator().manual_seed(0))
    for one, other in zip(a, b, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", [(1, 3, 48, 48), (2, 3, 30, 50), (5, 3, 70, 64)])
def test_shapes_and_range(shape, generator):
    images = torch.rand(shape, generator=generator)
    for views in (TwoViews()(images, generator), TwoViews("moco_v2", size=(24, 40))(images, generator)):
        assert len(views) == 2
        assert all(view.min() >= 0 and view.max() <= 1 for view in views)
    assert views[0].shape == (shape[0], 3, 24, 40)
    assert TwoViews()(images)[1].shape == shape


def test_the_default_generator_is_torchs_own():
    images = torch.rand(3, 3, 16, 16)
    torch.manual_seed(7)
    a = TwoViews()(images)
    torch.manual_seed(7)
    b = TwoViews()(images)
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_autocast_changes_nothing():
    images = torch.rand(4, 3, 96, 96)
    plain = TwoViews(size=64)(images, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        cast = TwoViews(size=64)(images, torch.Generator().manual_seed(0))
    assert all(torch.equal(x, y) for x, y in zip(plain, cast, strict=True))


def test_small_images_get_the_papers_settings_for_small_images():
    views = TwoViews("simclr")
    assert views.recipe(63) == Recipe(jitter=(0.4, 0.4, 0.4, 0.1), blur_p=0.0)
    assert views.recipe(64) == Recipe(jitter=(0.8, 0.8, 0.8, 0.2), blur_p=0.5)
    assert TwoViews("simclr", strength=1.0, blur=True).recipe(32) == views.recipe(64)
    assert TwoViews("simclr", blur=False).recipe(96).blur_p == 0
    assert TwoViews("moco_v2").recipe(32).jitter == (0.4, 0.4, 0.4, 0.1)
    assert TwoViews("moco_v1").recipe(96).blur_p == 0
    assert TwoViews("simclr", strength=10).recipe(96).jitter[3] == 0.5  # every hue there is


def test_blur_and_solarise_happen_where_asked(generator):
    same = Recipe(crop_scale=(1.0, 1.0), flip_p=0, jitter_p=0, gray_p=0, blur_p=1.0, blur_sigma=(2, 2))
    noisy = torch.rand(3, 3, 64, 64, generator=generator)
    view = make_views(noisy, same, (64, 64), 1, generator)[0]
    expected = v2.functional.gaussian_blur(noisy, 7, 2.0)
    torch.testing.assert_close(view, expected, atol=2e-5, rtol=0)  # the crop can only be the whole image
    bright = torch.full((2000, 3, 8, 8), 0.9)
    solar = Recipe(jitter_p=0, blur_p=0, solarize_p=0.25)
    changed = (make_views(bright, solar, (8, 8), 1, generator)[0].mean((1, 2, 3)) < 0.5).float().mean()
    assert abs(changed.item() - 0.25) < 0.04


def test_words_say_the_recipe():
    text = repr(TwoViews("simclr"))
    assert "'simclr'" in text
    assert (
        "crop 0.08-1 of the area > flip p=0.5 > colour jitter (0.8, 0.8, 0.8, 0.2) p=0.8 > grey p=0.2" in text
    )
    assert "blur sigma 0.1-2 px p=0.5" in text
    assert "images below 64 px" in text
    first = describe(POLICIES["moco_v1"])
    assert first.index("grey") < first.index("colour jitter")


def test_multi_crop_gives_large_and_small_views_of_the_right_area(generator):
    """On a ramp from left to right the span of values in a view tells how wide its crop was."""
    plain = Recipe(jitter=(0, 0, 0, 0), gray_p=0.0, blur_p=0.0)
    ramp = torch.linspace(0, 1, 48).expand(300, 3, 48, 48)
    crops = MultiCrop(2, 3, policy=plain)(ramp, generator)
    assert [tuple(crop.shape) for crop in crops] == [(300, 3, 48, 48)] * 2 + [(300, 3, 24, 24)] * 3
    widths = [(crop[:, 0, 0].amax(1) - crop[:, 0, 0].amin(1)) for crop in crops]
    assert (
        min(width.min() for width in widths[:2]) > 0.4
    )  # at least sqrt(0.4 * 3/4) of the side, less a pixel
    assert max(width.max() for width in widths[2:]) < 0.75  # at most sqrt(0.4 * 4/3)
    assert len(MultiCrop(1, 0)(ramp[:2], generator)) == 1
    assert "2 global crops" in repr(MultiCrop())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: TwoViews("simclrr"),
            r"policy is 'simclrr'; 'simclr', 'moco_v1', 'moco_v2', 'small' or a Recipe",
        ),
        (lambda: TwoViews(strength=-1), "strength is -1"),
        (lambda: TwoViews(size=0), "TwoViews: size is 0"),
        (lambda: MultiCrop(0, 4), "global_crops is 0 and local_crops 4; at least 1 and 0"),
        (lambda: MultiCrop(local_scale=(0.4, 0.1)), r"local_scale is \(0.4, 0.1\)"),
        (lambda: Recipe(gray_p=2), "Recipe.gray_p: p is 2"),
        (lambda: Recipe(jitter=(0.4, 0.4, 0.4, 0.9)), "hue is 0.9"),
        (lambda: TwoViews()(torch.zeros(3, 8, 8, dtype=torch.uint8)), r"TwoViews: images is \(3, 8, 8\)"),
        (lambda: TwoViews()(torch.full((1, 3, 8, 8), 2.0)), "TwoViews: values of images run from 2 to 2"),
    ],
)
def test_bad_input_gets_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def sharpness(view):
    """Median over images of the strongest edge."""
    return view.diff(dim=3).abs().amax(dim=(1, 2, 3)).median()


def checkered(side, count=64):
    """Squares of 8 pixels in random colours: every crop has edges to blur."""
    squares = torch.randint(0, 256, (count, 3, -(-side // 8), -(-side // 8)), dtype=torch.uint8)
    return squares.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)[:, :, :side, :side]


def test_of_the_papers_unequal_views_the_first_is_always_blurred_the_second_rarely():
    torch.manual_seed(0)
    images = checkered(64)
    first, second = asymmetric_views(images, torch.Generator().manual_seed(0))
    again = asymmetric_views(images, torch.Generator().manual_seed(0))
    assert torch.equal(first, again[0])
    assert first.shape == second.shape == images.shape
    assert sharpness(first) < 0.8 * sharpness(second)
    small = asymmetric_views(checkered(32), torch.Generator().manual_seed(0))
    assert sharpness(small[0]) > 0.8 * sharpness(small[1])  # nothing is blurred below 64 pixels


def test_dinos_large_crops_take_turns():
    torch.manual_seed(0)
    crops = MultiCrop(3, 2, local_size=32, policy="dino")
    a, b, c, *small = crops(checkered(64), torch.Generator().manual_seed(0))
    assert [len(small), *small[0].shape[2:]] == [2, 32, 32]
    assert a.shape[2:] == c.shape[2:] == (64, 64)
    assert max(sharpness(a), sharpness(c)) < 0.8 * sharpness(b)
    assert "MultiCrop('dino'): 3 global crops" in repr(crops)
    mild, plain, _ = MultiCrop(3, 0, policy="dino")(checkered(48), torch.Generator().manual_seed(0))
    assert sharpness(mild) > 0.8 * sharpness(plain)
    with pytest.raises(ValueError, match="policy is 'dinox'"):
        MultiCrop(policy="dinox")

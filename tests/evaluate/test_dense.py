"""Dense probes against pixel-wise fits, scikit-learn, and maps that hold the answer."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import jaccard_score

from course_lib.evaluate import depth_probe, mean_iou, patch_features, segmentation_probe
from course_lib.evaluate.softmax import softmax_regression
from course_lib.models import VisionTransformer, resnet


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_mean_iou_is_scikit_learns_over_the_classes_that_occur():
    generator = torch.Generator().manual_seed(0)
    truth, guess = (torch.randint(0, 4, (3, 8, 8), generator=generator) for _ in range(2))
    expected = jaccard_score(truth.flatten(), guess.flatten(), average="macro")
    assert mean_iou(guess, truth, 6) == pytest.approx(expected)
    void = truth.clone()
    void[0] = -1
    expected = jaccard_score(truth[1:].flatten(), guess[1:].flatten(), average="macro")
    assert mean_iou(guess, void, 6) == pytest.approx(expected)


def test_shares_of_a_patch_give_the_fit_of_all_its_pixels():
    """Four pixels of each patch, one row each, against one row with the shares of their classes."""
    patches, labels = draw(50, 3), torch.randint(0, 3, (50, 4), generator=torch.Generator().manual_seed(1))
    patches = patches - patches.mean(dim=0)
    pixels = softmax_regression(patches.repeat_interleave(4, 0), labels.flatten(), 3, 0.1)
    shares = torch.nn.functional.one_hot(labels, 3).float().mean(dim=1)
    assert torch.allclose(softmax_regression(patches, shares, 3, 0.1), pixels, atol=1e-3)


def test_patches_without_a_counted_pixel_weigh_nothing():
    patches = draw(40, 3)
    patches = patches - patches.mean(dim=0)
    shares = torch.nn.functional.one_hot(torch.arange(40) % 3, 3).float()
    half = torch.cat([shares, 0.5 * shares])
    twice = softmax_regression(torch.cat([patches, patches]), half, 3, 0.1 * 0.75)
    assert torch.allclose(twice, softmax_regression(patches, shares, 3, 0.1), atol=1e-3)


def maps_that_know(classes, number):
    """One feature per class: its share in the 2 x 2 pixels of a patch, and two features of noise."""
    cells = torch.nn.functional.one_hot(classes, number).float().permute(0, 3, 1, 2)
    known = torch.nn.functional.avg_pool2d(cells, 2)
    return torch.cat([known, draw(len(classes), 2, *known.shape[2:], seed=9)], dim=1)


def blocks(n, seed, number=3):
    """Maps of classes in blocks of 4 x 4 pixels, (n, 16, 16)."""
    coarse = torch.randint(0, number, (n, 4, 4), generator=torch.Generator().manual_seed(seed))
    return coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)


def test_segmentation_probe_reads_maps_that_know_and_not_maps_of_noise():
    train, test = blocks(40, 0), blocks(20, 1)
    good = segmentation_probe(maps_that_know(train, 3), train, maps_that_know(test, 3), test, 3)
    assert good.score > 0.9
    assert good.prediction.shape == (20, 16, 16)
    assert good.score == pytest.approx(mean_iou(good.prediction, test, 3))
    noise = segmentation_probe(draw(40, 5, 8, 8), train, draw(20, 5, 8, 8, seed=2), test, 3)
    assert noise.score < 0.35
    assert len(noise.table) == 5


ONE = (draw(1, 2, 4, 4), blocks(1, 0))  # a test set
ONE_AWAY = (ONE[0], torch.ones(1, 8, 8))  # the same, all of it one unit away
ONE_OF_14 = (draw(1, 14, 8, 8), blocks(1, 0))  # with as many features as maps_that_know and 9 more


def test_the_penalty_is_chosen_on_the_last_training_images_alone():
    train, test = blocks(40, 0), blocks(20, 1)
    first = segmentation_probe(maps_that_know(train, 3), train, draw(20, 5, 8, 8), test, 3)
    second = segmentation_probe(maps_that_know(train, 3), train, maps_that_know(test, 3), test, 3)
    assert first.penalty == second.penalty
    assert first.table.equals(second.table)


def test_each_penalty_is_scored_on_images_that_were_not_fitted():
    train = blocks(40, 0)
    maps = torch.cat([0.2 * maps_that_know(train, 3), draw(40, 9, 8, 8)], dim=1)
    table = segmentation_probe(maps, train, *ONE_OF_14, 3).table
    for penalty, expected in zip(table["penalty"], table["validation_score"], strict=True):
        alone = segmentation_probe(maps[:32], train[:32], maps[32:], train[32:], 3, penalties=(penalty,))
        assert alone.score == pytest.approx(expected)


def test_void_pixels_change_nothing():
    train, test = blocks(40, 0), blocks(20, 1)
    maps = maps_that_know(train, 3)
    spoilt, void = train.clone(), train.clone()
    spoilt[:, :, :4], void[:, :, :4] = 0, -1
    clean = segmentation_probe(maps, void, maps_that_know(test, 3), test, 3)
    assert clean.score > 0.9
    assert clean.score >= segmentation_probe(maps, spoilt, maps_that_know(test, 3), test, 3).score


def test_depth_probe_is_ridge_regression_on_mean_depths():
    depth = 1 + draw(30, 8, 8).abs()
    maps = torch.nn.functional.avg_pool2d(depth[:, None], 2) * 3 + 1
    maps = torch.cat([maps, draw(30, 2, 4, 4, seed=4)], dim=1)
    result = depth_probe(maps[:20], depth[:20], maps[20:], depth[20:], penalties=(1e-3,))
    x = maps.permute(0, 2, 3, 1).reshape(-1, 3).double().numpy()
    x = (x - x[:320].mean(0)) / x[:320].std(0)
    y = torch.nn.functional.avg_pool2d(depth[:, None], 2).flatten().double().numpy()
    witness = Ridge(alpha=1e-3 * 320).fit(x[:320], y[:320]).predict(x[320:])
    patches = torch.from_numpy(witness).view(10, 1, 4, 4).float()
    expected = torch.nn.functional.interpolate(patches, (8, 8), mode="bilinear")[:, 0]
    assert torch.allclose(result.prediction, expected, atol=1e-3)
    assert result.score == pytest.approx((expected - depth[20:]).square().mean().sqrt().item(), rel=1e-3)


def test_a_patch_with_little_ground_weighs_little():
    """Fitting the patches equals fitting every pixel that counts."""
    depth = 1 + draw(30, 8, 8).abs()
    depth[draw(30, 8, 8, seed=7) > 0.3] = 20.0
    maps = draw(30, 3, 4, 4, seed=4)
    result = depth_probe(maps, depth, maps[:1], depth[:1], penalties=(0.01,))
    x = maps.permute(0, 2, 3, 1).reshape(-1, 3).double().numpy()
    x = (x - x.mean(0)) / x.std(0)
    cells = depth.view(30, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(-1, 4).double().numpy()
    near = cells < 20
    rows = np.repeat(x, 4, axis=0)[near.ravel()]
    witness = Ridge(alpha=0.01 * near.sum()).fit(rows, cells[near])
    patches = torch.from_numpy(witness.predict(x[:16])).view(1, 1, 4, 4).float()
    expected = torch.nn.functional.interpolate(patches, (8, 8), mode="bilinear")[:, 0]
    assert torch.allclose(result.prediction, expected, atol=1e-4)


def test_the_sky_counts_neither_in_fitting_nor_in_testing():
    depth = torch.full((20, 8, 8), 3.0) + 0.1 * draw(20, 8, 8)
    with_sky = depth.clone()
    with_sky[:, :3] = 20.0
    maps = draw(20, 2, 4, 4)
    score = depth_probe(maps[:15], with_sky[:15], maps[15:], with_sky[15:]).score
    assert score < 0.2  # one pixel of sky that counted would make it 17


@pytest.mark.parametrize(
    "encoder", [lambda: resnet((4, 8), (1, 1)), lambda: VisionTransformer(48, 8, 24, 3, 2)]
)
def test_patch_features_of_both_families_alone_and_side_by_side(encoder):
    network = encoder()
    images = torch.randint(0, 256, (5, 3, 48, 48), dtype=torch.uint8)
    last = patch_features(network, images, -1, batch_size=2)
    both = patch_features(network, images.numpy(), [-1, 0])
    assert torch.allclose(both[:, : last.shape[1]], last, atol=1e-5)
    assert both.shape[2:] == last.shape[2:]
    assert both.shape[1] > last.shape[1]
    assert network.training
    assert not last.requires_grad


def segment(train=None, truth=None, test=None, test_truth=None, classes=3, **options):
    """The probe on small maps, one argument changed at a time."""
    train, truth = draw(5, 2, 4, 4) if train is None else train, blocks(5, 0) if truth is None else truth
    test, test_truth = ONE[0] if test is None else test, ONE[1] if test_truth is None else test_truth
    return segmentation_probe(train, truth, test, test_truth, classes, **options)


def measure(truth=None, test_truth=None, width=2, **options):
    truth = torch.ones(5, 8, 8) if truth is None else truth
    test_truth = torch.ones(1, 8, 8) if test_truth is None else test_truth
    return depth_probe(draw(5, 2, 4, 4), truth, draw(1, width, 4, 4), test_truth, **options)


def with_void(truth, images, value):
    changed = truth.clone()
    changed[images] = value
    return changed


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: segment(test=draw(1, 3, 4, 4)), "train_features has 2 .* test_features has 3"),
        (lambda: segment(truth=blocks(5, 0) + 1), "train_classes: classes run from 1 to 3; with 3 classes"),
        (lambda: segment(test_truth=blocks(1, 0) + 7), "test_classes: classes run from"),
        (lambda: segment(truth=blocks(5, 0) - 2), "from -2 to 0"),
        (lambda: segment(truth=torch.full((5, 16, 16), -1)), "4 training images that are fitted: every"),
        (lambda: segment(truth=with_void(blocks(5, 0), 4, -1)), "the last 1 training images, which"),
        (lambda: segment(test_truth=torch.full((1, 16, 16), -1)), "test_classes: every pixel is void"),
        (lambda: segment(penalties=()), r"segmentation_probe: penalties=\(\)"),
        (lambda: segment(penalties=(1.0, 0)), "penalties=.*above 0"),
        (lambda: measure(width=3), "train_features has 2 .* test_features has 3"),
        (lambda: measure(truth=torch.full((5, 8, 8), 20.0)), "4 training images that are fitted: every"),
        (lambda: measure(test_truth=torch.full((1, 8, 8), 20.0)), "test_depth: every pixel is void or sky"),
        (lambda: measure(truth=torch.zeros(5, 8, 8)), "train_depth has values that are not above 0"),
        (lambda: measure(test_truth=torch.full((1, 8, 8), torch.nan)), "test_depth has values"),
        (lambda: measure(penalties=()), "depth_probe: penalties"),
        (
            lambda: mean_iou(torch.tensor([0, 3]), torch.tensor([0, 1]), 2),
            "prediction: classes run from 0 to 3",
        ),
        (lambda: mean_iou(torch.tensor([0, -1]), torch.tensor([0, 1]), 2), "prediction: .* -1 to 0"),
        (lambda: mean_iou(torch.tensor([0, 1]), torch.tensor([0, 2]), 2), "truth: classes run from 0 to 2"),
        (lambda: mean_iou(torch.tensor([0, 1]), torch.tensor([-1, -1]), 2), "truth: every pixel is void"),
        (lambda: mean_iou(torch.tensor([0, 1, 1]), torch.tensor([0, 1]), 2), r"prediction is \(3,\)"),
        (lambda: patch_features(resnet((4, 8), (1, 1)), torch.rand(2, 3, 16, 16), []), "stages is empty"),
        (lambda: patch_features(resnet((4, 8), (1, 1)), torch.rand(0, 3, 16, 16)), "there are no images"),
        (lambda: patch_features(torch.nn.Identity(), torch.ones(1, 3, 8, 8)), "features_at"),
        (lambda: segmentation_probe(draw(3, 2, 4, 4), blocks(2, 0), *ONE, 3), "same images"),
        (
            lambda: segmentation_probe(draw(2, 2, 5, 5), blocks(2, 0), draw(1, 2, 5, 5), blocks(1, 0), 3),
            "5 x 5 patches",
        ),
        (lambda: depth_probe(draw(1, 2, 4, 4), torch.ones(1, 8, 8), *ONE_AWAY), "none"),
        (lambda: depth_probe(draw(2, 2, 4, 4) * np.nan, torch.ones(2, 8, 8), *ONE_AWAY), "NaN"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()

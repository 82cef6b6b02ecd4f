"""The figures of one encoder together: each is what its own function says, and looking changes nothing."""

import pytest
import torch

from course_lib import data, evaluate
from course_lib.models import VisionTransformer, resnet


@pytest.fixture(scope="module")
def world():
    train, test = data.load("world", "train", length=240), data.load("world", "test", length=120)
    return train, test, data.load_dense("train", 40), data.load_dense("test", 40)


def vit():
    torch.manual_seed(0)
    return VisionTransformer(48, 12, width=16, depth=2, heads=2)


def test_each_score_is_that_of_its_own_function_in_per_cent(world):
    train, test, dense, dense_test = world
    encoder = vit()
    found = evaluate.frozen_scores(encoder, train, test, dense, dense_test, labels_per_class=2, seed=5)
    assert set(found) == {"linear", "knn", "few", "miou", "jaccard"}
    a, b = evaluate.embed(encoder, train), evaluate.embed(encoder, test)
    neighbours = evaluate.accuracy(evaluate.knn(a, train.labels, b, k=20), test.labels)
    assert found["knn"] == pytest.approx(100 * neighbours, abs=0.01)
    few = evaluate.few_labels(a, train.labels, b, test.labels, (2,), seeds=range(5, 8))["mean"].iloc[0]
    assert found["few"] == pytest.approx(100 * few, abs=0.01)
    encoder.eval()
    rows = encoder.attention(data.as_float(dense_test.images), -1)[0][:, :, 0, 1:]  # CLS to patches
    jaccard = evaluate.attention_jaccard(rows.unflatten(2, (4, 4)), dense_test.masks, 12).best_head
    assert found["jaccard"] == pytest.approx(100 * jaccard, abs=0.01)


def test_a_convnet_has_no_attention_and_without_dense_sets_there_is_no_map(world):
    train, test, dense, dense_test = world
    encoder = resnet((4, 8), (1, 1))
    assert set(evaluate.frozen_scores(encoder, train, test, labels_per_class=2)) == {"linear", "knn", "few"}
    with_maps = evaluate.frozen_scores(encoder, train, test, dense, dense_test, labels_per_class=2)
    assert set(with_maps) == {"linear", "knn", "few", "miou"}


@pytest.mark.parametrize("mode", [True, False])
def test_looking_at_attention_puts_the_mode_back(world, mode):
    encoder = vit().train(mode)
    first, last = evaluate.cls_jaccard(encoder, world[3], 0), evaluate.cls_jaccard(encoder, world[3])
    assert encoder.training is mode
    assert first.best_head != last.best_head, "the layer is the one asked for"
    assert len(last.per_head) == 2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda dense: evaluate.cls_jaccard(resnet((4, 8), (1, 1)), dense), "ResNet has no attention_rows"),
        (lambda dense: evaluate.cls_jaccard(vit(), dense.images), "Tensor without masks"),
    ],
)
def test_sentences(world, call, sentence):
    with pytest.raises(TypeError, match=f"cls_jaccard: .*{sentence}"):
        call(world[3])

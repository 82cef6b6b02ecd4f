"""Ranking against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from course_lib.evaluate import copy_detection, retrieval


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_map_is_scikit_learns_and_recall_counts_first_hits():
    queries, gallery = draw(20, 6), draw(60, 6, seed=1)
    labels, theirs = torch.arange(20) % 4, torch.arange(60) % 4
    found = retrieval(queries, labels, gallery, theirs, ks=(1, 7))
    similarity = torch.nn.functional.cosine_similarity(queries[:, None], gallery[None], dim=2).numpy()
    expected = np.mean([
        average_precision_score((theirs == label).numpy(), row)
        for row, label in zip(similarity, labels, strict=True)
    ])  # fmt: skip
    assert found["map"] == pytest.approx(expected, rel=1e-5)
    first = similarity.argsort(axis=1)[:, ::-1]
    for k in (1, 7):
        hit = (theirs.numpy()[first[:, :k]] == labels.numpy()[:, None]).any(axis=1)
        assert found[f"recall@{k}"] == pytest.approx(hit.mean())


def test_one_right_image_in_third_place_is_worth_a_third():
    gallery = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.0, 1.0]])
    found = retrieval(torch.tensor([[1.0, 0.0]]), [1], gallery, [0, 0, 1, 2], ks=(1, 2, 3))
    assert found == {"map": pytest.approx(1 / 3), "recall@1": 0, "recall@2": 0, "recall@3": 1}


def test_copies_of_something_and_of_nothing():
    originals = torch.eye(4)
    copies = torch.tensor([[1.0, 0.1, 0, 0], [0.2, 0.3, 1, 0], [0, 0.9, 0, 1.0], [0, 1.0, 0, 0]])
    found = copy_detection(
        copies, originals, [0, 2, 1, -1]
    )  # the third looks more like 3; the last is no copy
    assert found["recall@1"] == pytest.approx(2 / 3)
    # by confidence: the false alarm (1.0), copy 0 (.995), copy 1 (.94), the wrong one (.74)
    assert found["micro_ap"] == pytest.approx((1 / 2 + 2 / 3) / 3)


def test_a_perfect_encoder_is_perfect_and_scale_does_not_matter():
    originals = draw(30, 8)
    assert copy_detection(originals * 7, originals, torch.arange(30)) == {"recall@1": 1, "micro_ap": 1}
    labels = torch.arange(30)
    assert retrieval(originals * 7, labels, originals, labels, ks=(1,)) == {"map": 1, "recall@1": 1}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: retrieval(draw(2, 3), [0, 9], draw(4, 3), [0, 0, 1, 1], (1,)), "class 9"),
        (lambda: retrieval(draw(2, 3), [0, 1], draw(4, 3), [0, 0, 1, 1], (5,)), "4 gallery images"),
        (lambda: retrieval(draw(2, 3), [0, 1], draw(4, 2), [0, 0, 1, 1], (1,)), "same encoder"),
        (lambda: copy_detection(draw(2, 3), draw(4, 3), [0, 4]), "from 0 to 4"),
        (lambda: copy_detection(draw(2, 3), draw(4, 3), []), r"shape \(0,\)"),
        (lambda: copy_detection(draw(2, 3), draw(4, 3), [0.5, 1.5]), "float32"),
        (lambda: copy_detection(draw(2, 3), draw(4, 3), [-1, -1]), "no query is a copy"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

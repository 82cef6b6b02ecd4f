"""Input that cannot be evaluated is answered with a sentence; and accuracy on re-assessed labels by hand."""

import pytest
import torch

from course_lib.evaluate import alignment, any_label_accuracy, balanced_draw, hold_out, knn, uniformity

Z, LABELS = torch.eye(4), [0, 1, 0, 1]
NOTHING = torch.zeros(0, dtype=torch.int64)


def test_a_prediction_is_right_when_it_names_anything_that_is_there():
    present = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]])  # nothing is there in the third
    assert any_label_accuracy([1, 0, 0, 2], present) == pytest.approx(2 / 3)
    assert any_label_accuracy([0, 1, 2, 2], present) == 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: any_label_accuracy(NOTHING, torch.zeros(0, 3)), "any_label_accuracy: .*N at least 1"),
        (lambda: any_label_accuracy([0], torch.zeros(1, 3)), "no image has a right answer"),
        (lambda: any_label_accuracy([3], torch.ones(1, 3)), r"must be classes, 0\.\.2"),
        (lambda: any_label_accuracy([0.0], torch.ones(1, 3)), r"must be classes, 0\.\.2"),
        (lambda: knn(Z, LABELS, Z, k=1, chunk=0), "knn: chunk=0"),
        (lambda: alignment(Z, Z, -1), "alignment: power=-1"),
        (lambda: uniformity(Z, -1), "uniformity: t=-1"),
        (lambda: balanced_draw([], 2), "balanced_draw: labels is empty"),
        (lambda: hold_out([], 0.2), "hold_out: labels is empty"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

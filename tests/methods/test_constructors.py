"""A temperature of 0 or a negative weight is refused where it is written, not at the first step."""

import pytest

from course_lib import methods

from .small import pictures, tiny_resnet


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda e: methods.SimCLR(e, temperature=0), "SimCLR: temperature is 0"),
        (lambda e: methods.SwAV(e, temperature=0), "SwAV: temperature is 0"),
        (lambda e: methods.SwAV(e, epsilon=-1), "SwAV: epsilon is -1"),
        (lambda e: methods.DINO(e, student_temperature=0), "DINO: student_temperature is 0"),
        (lambda e: methods.DINO(e, teacher_temperature=-1), "DINO: teacher_temperature is -1"),
        (lambda e: methods.DINO(e, warmup_teacher_temperature=0), "DINO: warmup_teacher_temperature is 0"),
        (
            lambda e: methods.InstanceDiscrimination(e, pictures(4), temperature=0),
            "InstanceDiscrimination: temperature is 0",
        ),
        (lambda e: methods.VICReg(e, variance_weight=-1), "VICReg: .*variance_weight=-1"),
        (lambda e: methods.BarlowTwins(e, redundancy_weight=-1), "BarlowTwins: redundancy_weight=-1"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(tiny_resnet())

"""What every loss promises, from one table: sentences, order of images, bfloat16, duplicates, constants.

Values and closed forms are in the loss's own file and in `test_peers`. A loss that the room exports and that
has no row here fails the first test.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch

from course_lib import losses

BATCH, SIZE, PATCHES = 6, 5, 4
COLD = 0.005  # below the lowest temperature of the fast forms
NO_LOSSES = {"patchify", "unpatchify"}


@dataclass
class Case:
    """call(*inputs, **options) -> scalar.

    shapes: of each input, under the name that a sentence gives it. images: the axis of the images where it
    is not the first one; None for an input that all images share. constants: get no gradient. others:
    inputs that are no floats. cold: options that make the loss as sharp as it gets.
    """

    call: Callable[..., torch.Tensor]
    shapes: dict[str, tuple[int, ...]]
    images: dict[str, int | None] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    others: dict[str, torch.Tensor] = field(default_factory=dict)
    cold: dict[str, float] = field(default_factory=dict)

    def inputs(self) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        drawn = {name: torch.randn(*shape, generator=generator) for name, shape in self.shapes.items()}
        return drawn | self.others

    def per_image(self, inputs: dict[str, torch.Tensor]) -> dict[str, int]:
        axes = {name: self.images.get(name, 0) for name in inputs}
        return {name: axis for name, axis in axes.items() if axis is not None}

    def rows(self, inputs: dict[str, torch.Tensor], rows: list[int]) -> dict[str, torch.Tensor]:
        """The same inputs with these images only, in this order."""
        axes, wanted = self.per_image(inputs), torch.tensor(rows, dtype=torch.int64)
        return {n: x.index_select(axes[n], wanted) if n in axes else x for n, x in inputs.items()}

    def value(self, inputs: dict[str, torch.Tensor], **options) -> torch.Tensor:
        return self.call(*inputs.values(), **options)


ROWS, SCORES, TOKENS = (BATCH, SIZE), (2, BATCH, SIZE), (BATCH, PATCHES, SIZE)
MASK = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1]]) == 1
SHARP = {"student_temperature": COLD, "teacher_temperature": COLD}
CASES = {
    "nt_xent": Case(losses.nt_xent, {"z1": ROWS, "z2": ROWS}, cold={"temperature": COLD}),
    "info_nce": Case(losses.info_nce, {"query": ROWS, "positive": ROWS}, cold={"temperature": COLD}),
    "info_nce with negatives": Case(
        losses.info_nce,
        {"query": ROWS, "positive": ROWS, "negatives": (7, SIZE)},
        images={"negatives": None},
        cold={"temperature": COLD},
    ),
    "moco": Case(
        losses.moco,
        {"query": ROWS, "key": ROWS, "queue": (7, SIZE)},
        images={"queue": None},
        constants={"key", "queue"},
        cold={"temperature": COLD},
    ),
    "instance_discrimination": Case(
        losses.instance_discrimination,
        {"features": ROWS, "bank": (7, SIZE)},
        images={"bank": None},
        constants={"bank"},
        others={"own": torch.tensor([6, 0, 3, 3, 1, 5])},
        cold={"temperature": COLD},
    ),
    "vicreg": Case(losses.vicreg, {"z1": ROWS, "z2": ROWS}),
    "barlow_twins": Case(losses.barlow_twins, {"z1": ROWS, "z2": ROWS}),
    "byol": Case(losses.byol, {"prediction": ROWS, "target": ROWS}, constants={"target"}),
    "simsiam": Case(losses.simsiam, {"p1": ROWS, "z2": ROWS, "p2": ROWS, "z1": ROWS}, constants={"z1", "z2"}),
    "dino": Case(
        losses.dino,
        {"student": SCORES, "teacher": SCORES, "center": (SIZE,)},
        images={"student": 1, "teacher": 1, "center": None},
        constants={"teacher", "center"},
        cold=SHARP,
    ),
    "ibot": Case(
        lambda student, teacher, center, mask, **o: losses.ibot(student, teacher, mask, center, **o),
        {"student": TOKENS, "teacher": TOKENS, "center": (SIZE,)},
        images={"center": None},
        constants={"teacher", "center"},
        others={"mask": MASK},
        cold=SHARP,
    ),
    "swav": Case(  # of three crops the first alone has a code, so nothing but the code could teach it
        lambda a, b, c, queue, **o: losses.swav([a, b, c], assign=(0,), queue=[queue], **o),
        {"scores[0]": ROWS, "scores[1]": ROWS, "scores[2]": ROWS, "queue[0]": (7, SIZE)},
        images={"queue[0]": None},
        constants={"scores[0]", "queue[0]"},
        cold={"temperature": COLD, "epsilon": COLD},
    ),
    "sinkhorn": Case(  # its codes are no loss; their mean square is one number that the same must hold for
        lambda scores, **o: losses.sinkhorn(scores, **o).square().mean(),
        {"scores": ROWS},
        constants={"scores"},
        cold={"epsilon": COLD},
    ),
    "koleo": Case(losses.koleo, {"features": ROWS}),
    "gram": Case(losses.gram, {"student": TOKENS, "teacher": TOKENS}, constants={"teacher"}),
    "masked_pixels": Case(
        lambda prediction, images, mask: losses.masked_pixels(prediction, images, mask, 4),
        {"prediction": (BATCH, PATCHES, 48), "images": (BATCH, 3, 8, 8)},
        constants={"images"},
        others={"mask": MASK},
    ),
    "masked_pixels as they are": Case(
        lambda prediction, images, mask: losses.masked_pixels(prediction, images, mask, 4, normalize=False),
        {"prediction": (BATCH, PATCHES, 48), "images": (BATCH, 3, 8, 8)},
        constants={"images"},
        others={"mask": MASK},
    ),
}
EVERY = pytest.mark.parametrize("name", CASES)


def sentence(name, error, call, *words):
    """The call raises a sentence that starts with the loss and has the words in it, and is about no NaN."""
    with pytest.raises(error, match=rf"^{name.split()[0]}: ") as caught:
        call()
    assert not isinstance(caught.value, losses.NotFiniteError)
    for word in words:
        assert re.search(rf"\b{re.escape(word)}", str(caught.value)), word


def test_the_table_is_complete():
    functions = {name for name in losses.__all__ if not isinstance(getattr(losses, name), type)}
    assert functions - NO_LOSSES == {name.split()[0] for name in CASES}


@EVERY
def test_nothing_at_all_is_a_sentence(name):
    case = CASES[name]
    inputs = case.inputs()
    sentence(name, ValueError, lambda: case.value(case.rows(inputs, [])))
    for shared in inputs.keys() - case.per_image(inputs).keys():
        sentence(name, ValueError, lambda x=shared: case.value(inputs | {x: inputs[x][:0]}), shared)


@EVERY
def test_integers_and_lists_are_type_errors_that_name_the_input(name):
    case = CASES[name]
    inputs = case.inputs()
    for x in case.shapes:
        sentence(name, TypeError, lambda x=x: case.value(inputs | {x: inputs[x].long()}), x, "torch.int64")
        sentence(name, TypeError, lambda x=x: case.value(inputs | {x: inputs[x].tolist()}), x, "list")


@EVERY
def test_inputs_of_another_shape_are_sentences(name):
    """Each in its turn: one dimension less, and sizes that do not fit those of the others."""
    case = CASES[name]
    inputs = case.inputs()
    axes = case.per_image(inputs)
    for x, value in inputs.items():
        sentence(name, ValueError, lambda x=x, value=value: case.value(inputs | {x: value[0]}))
        if x in axes and len(axes) > 1:
            other = value.narrow(axes[x], 0, BATCH - 1)
        elif x not in axes:
            other = value[..., :-1]
        else:
            continue
        sentence(name, ValueError, lambda x=x, other=other: case.value(inputs | {x: other}))


@EVERY
def test_the_order_of_the_images_changes_nothing(name):
    case = CASES[name]
    inputs = case.inputs()
    value = case.value(inputs)
    assert case.value(case.rows(inputs, [3, 0, 5, 1, 4, 2])).item() == pytest.approx(value.item(), rel=1e-5)
    if len(case.per_image(inputs)) > 1:  # and the images of one input alone are not the same images
        moved = next(iter(case.per_image(inputs)))
        mixed = inputs | {moved: case.rows(inputs, [3, 0, 5, 1, 4, 2])[moved]}
        assert abs(case.value(mixed) - value) > 1e-3 * abs(value)


@EVERY
def test_bfloat16_is_computed_in_float32(name):
    case = CASES[name]
    inputs = {n: x.bfloat16() if x.is_floating_point() else x for n, x in case.inputs().items()}
    value = case.value(inputs)
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    same = {n: x.float() if x.is_floating_point() else x for n, x in inputs.items()}
    assert value.item() == pytest.approx(case.value(same).item(), rel=1e-5)


@EVERY
@pytest.mark.parametrize("how", ["each image twice", "one image only", "one number only"])
def test_duplicates_have_a_finite_value_and_gradient_at_the_lowest_temperature(name, how):
    case = CASES[name]
    inputs = case.inputs()
    if how == "one number only":
        inputs |= {x: torch.ones_like(inputs[x]) for x in case.shapes}
    else:
        inputs = case.rows(inputs, [0, 0, 1, 1, 2, 2] if how == "each image twice" else [0] * BATCH)
    learns = [inputs[x].requires_grad_() for x in case.shapes if x not in case.constants]
    value = case.value(inputs, **case.cold)
    assert torch.isfinite(value)
    if learns:
        assert all(torch.isfinite(slope).all() for slope in torch.autograd.grad(value, learns))


@EVERY
def test_constants_get_no_gradient_and_all_else_does(name):
    case = CASES[name]
    inputs = case.inputs()
    for x in case.shapes:
        inputs[x].requires_grad_()
    value = case.value(inputs)
    learns = [x for x in case.shapes if x not in case.constants]
    assert value.requires_grad == bool(learns)
    if learns:
        value.backward()
    assert [x for x in case.shapes if inputs[x].grad is not None and inputs[x].grad.abs().sum() > 0] == learns

"""ContextQuiz: two patches of one image. On which side of the first does the second lie?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from course_lib.methods.context import NEIGHBOURS, ContextPrediction, drop_colors
from course_lib.methods.pretext import cut_tiles
from course_lib.models.running import device_of
from course_lib.viz.contrastive_figures import panels, with_alt
from course_lib.viz.picture_panels import headline, picture
from course_lib.viz.widgets import basic_turns
from course_lib.viz.widgets.batches import as_bytes
from course_lib.viz.widgets.quiz import (
    check_rounds,
    drawn_images,
    score_table,
    scores_of,
    task_of,
)
from course_lib.viz.widgets.view import View

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

# in the order of NEIGHBOURS
SIDES = ("above left", "above", "above right", "left", "right", "below left", "below", "below right")
MODE = "choose"


class ContextQuiz(View):
    """Context prediction (Doersch, Gupta & Efros 2015, arXiv:1505.05192) as a quiz against a model.

        ContextQuiz(images, trained_context_prediction)

    A centre patch and one of its eight neighbours are shown; chance is 1/8.

    images: (N, 3, H, W) uint8 or in [0, 1]; each round takes another one. model: a `ContextPrediction`, or a
    function of two batches of patches (B, 3, p, p) that returns scores (B, 8) in the order of `SIDES`, or
    None: only chance. colors: where drop_colors took two channels of each patch away, False shows patches as
    the model sees them, True those of the image, which make it easier for you alone.
    options: of `ContextPrediction` (patch_size, gap, jitter, drop_colors) where the model is none.

    log: round (from 1), mode, answer and truth (of `SIDES`), right, of, model_answer, model_right, colors,
    milliseconds. Everything is ready at the start, no kernel is asked: who opens the browser's tools finds
    the right answers and the model's there. It is a game and no examination.

    Raises TypeError or ValueError in a sentence for another model, too few images, images in which nine
    patches do not fit and scores that do not fit.
    """

    script = "context_quiz.js"
    shared = ("quiz.js",)
    title = "Context prediction: you against the model"

    def __init__(
        self,
        images: Any,
        model: ContextPrediction | Callable[[Tensor, Tensor], Tensor] | None = None,
        rounds: int = 10,
        seed: int = 0,
        colors: bool = False,
        **options: Any,
    ):
        name = "ContextQuiz"
        task = task_of(name, model, ContextPrediction, options, "(centres, neighbours) -> scores")
        generator = torch.Generator().manual_seed(seed)
        self.images = drawn_images(name, images, rounds, generator)
        size = self.images.shape[2], self.images.shape[3]
        # as `ContextPrediction.views` draws them
        self.corners, self.truth = task.places(rounds, *size, generator)
        self.patch, gap, jitter = task.sizes(*size)
        self.raw = cut_tiles(
            self.images, self.corners[:, :, 0], self.corners[:, :, 1], (self.patch, self.patch)
        )  # (R, 2, 3, p, p): centre, neighbour
        seen = [drop_colors(part, generator) if task.drop_colors else part for part in self.raw.unbind(dim=1)]
        self.patches = torch.stack(seen, dim=1)
        guesses = self._ask(name, model)
        self.switches = {"gap": gap, "jitter": jitter, "drop_colors": bool(task.drop_colors)}
        config = {
            "sides": list(SIDES),
            "steps": NEIGHBOURS.tolist(),
            "patch": self.patch,
            "switches": self.switches,
            "model": model is not None,
            "chance": 1 / len(SIDES),
            "rounds": [
                {
                    "corners": self.corners[number].tolist(),
                    "truth": int(self.truth[number]),
                    "model": None if guesses is None else int(guesses[number]),
                }
                for number in range(rounds)
            ],
        }
        arrays = {
            "images": as_bytes(self.images),
            "patches": as_bytes(self.patches),
            "raw": as_bytes(self.raw),
        }
        state = {"round": 0, "colors": bool(colors and task.drop_colors)}
        super().__init__(config, arrays, self.sentence(), state)

    def _ask(self, name: str, model: Any) -> Tensor | None:
        """The model's answer to each round, (R,)."""
        if model is None:
            return None
        scores = model.scores if isinstance(model, ContextPrediction) else model
        centres, neighbours = (part.to(device_of(model)) for part in self.patches.unbind(dim=1))
        shape = (len(self.images), len(SIDES))
        return scores_of(name, lambda: scores(centres, neighbours), model, shape).argmax(dim=1)

    def scores(self) -> pandas.DataFrame:
        """You, the model and chance so far: right, of, share, 95 % Wilson interval (low, high)."""
        return score_table(self.log, {MODE: 1 / len(SIDES)})

    def sentence(self) -> str:
        """What the first picture shows, without giving the answer away."""
        used = self.switches
        colors = "two colour channels replaced by noise" if used["drop_colors"] else "colours as they are"
        return (
            f"Two patches of one image, {self.patch} pixels wide: a centre and one of its eight neighbours. "
            f"On which side does it lie? Gap {used['gap']} pixels, jitter {used['jitter']} pixels, {colors}."
        )

    def basic(self) -> Any:
        """The quiz with a button a side."""
        return basic_turns.quiz(self, SIDES, "on which side of the centre does the patch lie?")

    def figure(self, rounds: int = 1, solution: bool = False, first: int = 0) -> Figure:
        """Some rounds from number `first` (from 0), one per row: the centre and its neighbour.

        solution: also the image with both patches outlined, what is right and what the model chose.
        Raises ValueError for more rounds than there are.
        """
        check_rounds("ContextQuiz", rounds, first, len(self.images))
        records = self.config["rounds"]
        figure, axes = panels(3 if solution else 2, rounds, 2.6, 2.8, squeeze=False)
        shown = self.raw if self.state["colors"] else self.patches
        for row, number in enumerate(range(first, first + rounds)):
            record = records[number]
            for column, title in enumerate(("centre", "where is this?")):
                picture(axes[row, column], shown[number, column].clamp(0, 1), "" if row else title, size=13)
            if solution:
                words = f"truth: {SIDES[record['truth']]}"
                if record["model"] is not None:
                    words += f"\nmodel: {SIDES[record['model']]}"
                picture(axes[row, 2], self.images[number], "" if row else "both in the image", words, 13)
                outlines(axes[row, 2], record["corners"], self.patch)
        text, title = self.alt_text, "On which side of the centre does the patch lie?"
        if solution:
            right = sum(record["model"] == record["truth"] for record in records)
            if self.config["model"]:
                title = f"The model is right in {right} of {len(records)} rounds, "
                title += f"chance in {len(records) / len(SIDES):.2g}"
            answers = ", ".join(SIDES[record["truth"]] for record in records[first : first + rounds])
            text = f"{text} {title}. The truth in the rounds shown: {answers}."
            text = text.replace("?.", "?")
        headline(figure, title)
        return with_alt(figure, text)


def outlines(axis: Any, corners: list[list[int]], patch: int) -> None:
    """Frame the centre with a line and the neighbour with dashes, white on black, and name both."""
    from matplotlib.patches import Rectangle

    for (top, left), style, letter in zip(corners, ("-", "--"), "C?", strict=True):
        for color, width, dashes in (("black", 4.0, "-"), ("white", 2.0, style)):
            frame = Rectangle((left - 0.5, top - 0.5), patch, patch, fill=False, edgecolor=color)
            frame.set(linewidth=width, linestyle=dashes)
            axis.add_patch(frame)
        axis.text(
            left + patch / 2 - 0.5,
            top + patch / 2 - 0.5,
            letter,
            color="white",
            fontsize=13,
            ha="center",
            va="center",
            bbox={"facecolor": "black", "alpha": 0.75, "pad": 2, "edgecolor": "none"},
        )

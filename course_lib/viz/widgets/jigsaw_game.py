"""JigsawGame: nine tiles in a wrong order. Who finds the right one, you, the model, or chance?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from course_lib.data.draws import integers
from course_lib.methods.jigsaw import Jigsaw, standardise_tiles
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

MODES = ("choose", "arrange")
LETTERS = "ABCDEFGH"


class JigsawGame(View):
    """The jigsaw pretext task (Noroozi & Favaro 2016, arXiv:1603.09246) as a game against a model.

        JigsawGame(images, trained_jigsaw)

    A model that knows P orders only has to choose among them, so the question that counts is the same for
    both: which of `choices` orders is right? Chance is 1 / choices. In the second mode, "arrange", tiles are
    moved freely and those in the right place are counted (chance: one of them); the model gives the order
    that it likes best of its P.

    images: (N, 3, H, W) uint8 or in [0, 1]; each round takes another one. model: a `Jigsaw`; or a function of
    a puzzle (B, tiles, 3, t, t) and orders (B, K, tiles), place k of the puzzle holding tile order[k], that
    returns scores (B, K); or None: only chance. mode, colors: where to begin. colors=False shows tiles as the
    model sees them, each standardised by itself; True those of the image, which make it easier for you alone.
    options: of `Jigsaw` (permutations, grid, tile, standardise) where the model is none.

    log: round (from 1), mode, answer, truth, right, of, model_answer, model_right, colors, switched (the mode
    was changed within the round), milliseconds. Everything is ready at the start, no kernel is asked: who
    opens the browser's tools finds the right answers and the model's there. It is a game and no examination.

    Raises TypeError or ValueError in a sentence for another model, too few images and scores that do not fit.
    """

    script = "jigsaw_game.js"
    shared = ("quiz.js",)
    title = "Jigsaw: you against the model"

    def __init__(
        self,
        images: Any,
        model: Jigsaw | Callable[[Tensor, Tensor], Tensor] | None = None,
        rounds: int = 8,
        seed: int = 0,
        choices: int = 4,
        mode: str = "choose",
        colors: bool = False,
        **options: Any,
    ):
        name = "JigsawGame"
        if mode not in MODES:
            raise ValueError(f'{name}: mode is "{mode}"; choose one of {", ".join(MODES)}.')
        task = self._task = task_of(name, model, Jigsaw, options, "(puzzle, orders) -> scores")
        self.orders = task.permutations.detach().cpu()  # (P, tiles)
        if not 2 <= choices <= min(len(self.orders), len(LETTERS)):
            raise ValueError(
                f"{name}: choices is {choices}; there are {len(self.orders)} orders, so 2 to "
                f"{min(len(self.orders), len(LETTERS))} is possible."
            )
        generator = torch.Generator().manual_seed(seed)
        self.images = drawn_images(name, images, rounds, generator)
        self._draw(choices, generator)
        best = self._ask(name, model)
        records = [self._record(number, best) for number in range(rounds)]
        self.chances = {"choose": 1 / choices, "arrange": 1 / task.grid**2}
        config = {
            "grid": task.grid,
            "tile": self.tile,
            "orders": len(self.orders),
            "model": model is not None,
            "standardised": bool(task.standardise),
            "chances": self.chances,
            "rounds": records,
        }
        arrays = {"images": as_bytes(self.images), "tiles": as_bytes(self.tiles), "raw": as_bytes(self.raw)}
        state = {"round": 0, "mode": mode, "colors": bool(colors) and bool(task.standardise)}
        super().__init__(config, arrays, self.sentence(), state)

    def _draw(self, choices: int, generator: torch.Generator) -> None:
        """The puzzles, drawn as `Jigsaw.views` draws them, and the orders to choose from."""
        task, rounds = self._task, len(self.images)
        self.answer_index = integers(torch.full((rounds,), len(self.orders)), generator)  # (R,)
        tops, lefts, self.tile = task.places(rounds, *self.images.shape[2:], generator)
        self.places = torch.stack([tops, lefts], dim=2)  # (R, tiles, 2), tile by tile
        order = self.orders[self.answer_index]
        cut = cut_tiles(self.images, tops, lefts, (self.tile, self.tile))
        self.raw = cut[torch.arange(rounds)[:, None], order]  # (R, tiles, 3, t, t), place by place
        self.tiles = standardise_tiles(self.raw) if task.standardise else self.raw
        # the others: any but the true one, then all in a drawn order
        weights = torch.rand(rounds, len(self.orders), generator=generator)
        weights[torch.arange(rounds), self.answer_index] = 2.0
        candidates = weights.argsort(dim=1, descending=True)[:, :choices]
        shuffled = torch.rand(rounds, choices, generator=generator).argsort(dim=1)
        self.candidates = candidates.gather(1, shuffled)  # (R, choices), rows of orders
        self.truth = (self.candidates == self.answer_index[:, None]).int().argmax(dim=1)

    def _ask(self, name: str, model: Any) -> tuple[Tensor, Tensor] | None:
        """The model's answer to both questions: which candidate (R,), which of all orders (R,)."""
        if model is None:
            return None
        everything = torch.arange(len(self.orders)).expand(len(self.images), -1)

        def among(rows: Tensor) -> Tensor:
            if isinstance(model, Jigsaw):
                return model.scores(self.tiles.to(device_of(model))).cpu().gather(1, rows)
            return model(self.tiles, self.orders[rows])

        def best(rows: Tensor) -> Tensor:
            return scores_of(name, lambda: among(rows), model, (len(rows), rows.shape[1])).argmax(dim=1)

        return best(self.candidates), best(everything)

    def _record(self, number: int, best: tuple[Tensor, Tensor] | None) -> dict[str, Any]:
        """What the browser knows of one round; orders as lists, place by place."""
        record = {
            "order": self.orders[self.answer_index[number]].tolist(),
            "choices": self.orders[self.candidates[number]].tolist(),
            "truth": int(self.truth[number]),
            "places": self.places[number].tolist(),
            "model": None,
            "model_order": None,
        }
        if best is not None:
            record |= {"model": int(best[0][number]), "model_order": self.orders[best[1][number]].tolist()}
        return record

    def scores(self) -> pandas.DataFrame:
        """You, the model and chance so far: right, of, share, 95 % Wilson interval (low, high), by mode.

        Tiles of one image are not independent, so the interval of "arrange" is narrower than it should be.
        """
        return score_table(self.log, self.chances)

    def sentence(self) -> str:
        """What the first picture shows, without giving the answer away."""
        count, choices = self._task.grid**2, self.candidates.shape[1]
        return (
            f"A jigsaw: {count} tiles of an image in a wrong order, and the same tiles put together in "
            f"{choices} ways, {LETTERS[0]} to {LETTERS[choices - 1]}, of which one is right."
        )

    def basic(self) -> Any:
        """The game with a button an order; tiles cannot be arranged without anywidget."""
        names = LETTERS[: self.candidates.shape[1]]
        return basic_turns.quiz(self, names, "which order makes an image?", {"switched": False})

    def figure(self, rounds: int = 1, solution: bool = False, first: int = 0) -> Figure:
        """Some rounds from number `first` (from 0), one per row: the puzzle and the orders to choose from.

        solution: write below each what is right and what the model chose. Raises ValueError for more rounds
        than there are.
        """
        check_rounds("JigsawGame", rounds, first, len(self.images))
        choices, records = self.candidates.shape[1], self.config["rounds"]
        figure, axes = panels(choices + 1, rounds, 2.3, 2.5, squeeze=False)
        shown = self.raw if self.state["colors"] else self.tiles
        for row, number in enumerate(range(first, first + rounds)):
            record, tiles = records[number], shown[number]
            below = self._words(record) if solution else [""] * (choices + 1)
            puzzle = laid_out(tiles, list(range(len(record["order"]))), self._task.grid)
            picture(axes[row, 0], puzzle, "" if row else "the puzzle", below[0], 13)
            for place, order in enumerate(record["choices"]):
                together = laid_out(tiles, order, self._task.grid)
                picture(axes[row, place + 1], together, LETTERS[place], below[place + 1], 13)
        text, title = self.alt_text, "Which order is right?"
        if solution:
            right = [record["model"] == record["truth"] for record in records]
            title = "The right order is marked"
            if self.config["model"]:
                title = f"The model finds the order in {sum(right)} of {len(right)} rounds, chance in "
                title += f"{len(right) / choices:.2g}"
            answers = ", ".join(LETTERS[record["truth"]] for record in records[first : first + rounds])
            text = f"{text} {title}. Right in the rounds shown: {answers}."
        headline(figure, title)
        return with_alt(figure, text)

    def _words(self, record: dict[str, Any]) -> list[str]:
        words = [""] + ["right" if n == record["truth"] else "" for n in range(len(record["choices"]))]
        if record["model"] is not None:
            place = record["model"] + 1
            words[place] = "right, the model's" if words[place] else "the model's"
        return words


def laid_out(tiles: Tensor | np.ndarray, order: list[int], grid: int, gap: int = 1) -> np.ndarray:
    """Tiles (N, 3, t, t) put together: tile k into cell order[k], a white line of `gap` pixels between.

    Returns (3, grid * t + (grid - 1) * gap, same) in [0, 1].
    """
    values = np.clip(np.asarray(tiles, dtype=np.float32), 0, 1)
    side = values.shape[-1]
    sheet = np.ones((3, *[grid * side + (grid - 1) * gap] * 2), dtype=np.float32)
    for tile, cell in zip(values, order, strict=True):
        top, left = (part * (side + gap) for part in divmod(cell, grid))
        sheet[:, top : top + side, left : left + side] = tile
    return sheet

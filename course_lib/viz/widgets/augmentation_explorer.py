"""AugmentationExplorer: what an augmentation does to a picture, to its pixels and to its embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.viz.arrays.augmentation_draws import STEPS, Operation, augmented, chosen_operations
from course_lib.viz.widgets.batches import as_bytes, batch_of
from course_lib.viz.widgets.view import View

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

ENCODERS = 2
SIDE = 96  # pixels of the longer side in the browser; numbers are of the full size
PAGE_BYTES = 4_000_000  # of views in a saved page


class AugmentationExplorer(View):
    """Choose a picture, one or two operations and a strength; see several draws beside the original.

        AugmentationExplorer(images, encoder={"random": a, "SimCLR": b})

    images: uint8 or in [0, 1], (B, 3, H, W). operations: names out of `OPERATIONS` (None: all that fit), or
    {name: Operation or function(images, generator) -> images}. encoder: an encoder or {name: encoder}, at
    most two; then the cosine similarity of view and original is shown. draws: how many at a time. state:
    where to begin: image (from 0), first, second ("" for none), strength (1 to 5), round.

    Distance in pixels: root of the mean squared difference, white - black = 1. Cosines of two encoders cannot
    be compared as they are (an untrained one finds all pictures alike), so both stand beside their value for
    two different pictures of `images`: 100 % means that the view is as far from its original as another
    picture. Give several pictures for that.

    Views come from Python. A saved page holds single operations: of every picture the middle strength first,
    then the others, up to 4 MB.

    Raises TypeError or ValueError in a sentence for unknown operations, more than two encoders, bad images.
    """

    script = "augmentation_explorer.js"
    title = "Augmentation explorer"

    def __init__(
        self,
        images: Tensor | np.ndarray,
        seed: int = 0,
        operations: Sequence[str] | Mapping[str, Operation | Callable[..., Tensor]] | None = None,
        encoder: nn.Module | Mapping[str, nn.Module] | None = None,
        draws: int = 4,
        state: Mapping[str, Any] | None = None,
    ):
        self.images = batch_of(images, "AugmentationExplorer")
        square = self.images.shape[2] == self.images.shape[3]
        self.operations = chosen_operations(operations, square, "AugmentationExplorer")
        self.encoders = _encoders(encoder)
        if not 1 <= draws <= 8 or seed < 0:
            raise ValueError(
                f"AugmentationExplorer: draws is {draws}, seed is {seed}; give 1 to 8 draws, a seed from 0."
            )
        self.draws, self.seed = draws, seed
        self._embedded = [self._embed(one, self.images) for one in self.encoders.values()]
        begin = {"image": 0, "first": next(iter(self.operations)), "second": "", "strength": 3, "round": 0}
        begin = self._checked(begin | dict(state or {}))
        self.between = self._between()
        config = {
            "images": len(self.images),
            "strengths": STEPS,
            "encoders": list(self.encoders),
            "between": self.between,
            "given": self.request(begin),
            "operations": [
                {"name": name, "random": one.random, "words": [one.words(s) for s in one.settings]}
                for name, one in self.operations.items()
            ],
        }
        arrays = {"images": as_bytes(self.images, SIDE)} | self.answer(self.request(begin))
        super().__init__(config, arrays, "", begin)
        self.alt_text = self.config["alt"] = self.sentence()

    def _embed(self, encoder: nn.Module, images: Tensor) -> Tensor:
        from course_lib.evaluate import embed

        return F.normalize(embed(encoder, images), dim=1)

    def _between(self) -> dict[str, Any]:
        """Pixel distance and cosines of two different pictures, mean over all pairs; None for one picture."""
        count = len(self.images)
        if count < 2:
            return {"pixels": None, "cosines": [None] * len(self.encoders)}
        one, other = torch.triu_indices(count, count, 1)
        apart = [
            _pixels(self.images[a], self.images[b]) for a, b in zip(one.tolist(), other.tolist(), strict=True)
        ]
        cosines = [float((e[one] * e[other]).sum(1).mean()) for e in self._embedded]
        return {"pixels": float(np.mean(apart)), "cosines": cosines}

    def _checked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        names, state = list(self.operations), dict(state)
        if unknown := set(state) - {"image", "first", "second", "strength", "round"}:
            raise ValueError(
                f"AugmentationExplorer: there is no {', '.join(unknown)}; choose image, first, second, "
                "strength or round."
            )
        if state["first"] not in names or state["second"] not in ["", *names]:
            raise ValueError(
                f"AugmentationExplorer: operations {state['first']!r} and {state['second']!r}; choose of "
                f'{", ".join(names)}; "" is no second one.'
            )
        tops = {"image": (0, len(self.images) - 1), "strength": (1, STEPS), "round": (0, 2**31)}
        for name, (low, high) in tops.items():
            if not low <= state[name] <= high:
                raise ValueError(
                    f"AugmentationExplorer: {name} is {state[name]}; it goes from {low} to {high}."
                )
        return state

    def _steps(self, state: Mapping[str, Any]) -> list[tuple[str, Operation]]:
        return [(n, self.operations[n]) for n in (state["first"], state["second"]) if n]

    def request(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the browser asks in this state: what changes nothing is left at its lowest value."""
        steps = [one for _, one in self._steps(state)]
        strength = state["strength"] if any(len(one.settings) > 1 for one in steps) else 1
        again = state["round"] if any(one.random for one in steps) else 0
        names = {"first": state["first"], "second": state["second"]}
        return {"image": state["image"]} | names | {"strength": strength, "round": again}

    def views(self, state: Mapping[str, Any]) -> Tensor:
        """The views of a state: (draws, 3, H, W) in [0, 1]; a single one if nothing in them is random."""
        steps = self._steps(state)
        draws = self.draws if any(one.random for _, one in steps) else 1
        seed = (self.seed, int(state["round"]), int(state["image"]))
        return augmented(self.images[int(state["image"])], steps, int(state["strength"]), draws, seed)

    def numbers(self, state: Mapping[str, Any], views: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Pixel distances (draws,) and cosines (encoders, draws) to the original."""
        image = int(state["image"])
        pixels = np.array([_pixels(self.images[image], view) for view in views], dtype=np.float32)
        cosines = [
            (self._embed(one, views) @ known[image]).numpy()
            for one, known in zip(self.encoders.values(), self._embedded, strict=True)
        ]
        return pixels, np.array(cosines, dtype=np.float32).reshape(len(self.encoders), len(views))

    def answer(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Views as the browser shows them, pixel distances and cosines."""
        state = self._checked(request)
        views = self.views(state)
        pixels, cosines = self.numbers(state, views)
        return {"views": as_bytes(views, SIDE), "pixels": pixels, "cosines": cosines}

    def every_request(self) -> list[dict[str, Any]]:
        """Single operations, the middle strength first, as many as a page can hold."""
        found: list[dict[str, Any]] = [self.request(self.state)]
        size = as_bytes(self.images[:1], SIDE).nbytes
        total = size * self.draws
        for strength in (3, 5, 1, 4, 2):
            for image in range(len(self.images)):
                for name, one in self.operations.items():
                    state = {"image": image, "first": name, "second": "", "strength": strength, "round": 0}
                    request = self.request(state)
                    total += 0 if request in found else size * (self.draws if one.random else 1)
                    if total > PAGE_BYTES:
                        return found
                    if request not in found:
                        found.append(request)
        return found

    def words(self, state: Mapping[str, Any]) -> str:
        """What happens to the picture, as a part of a sentence."""
        return ", then ".join(one.words(one.setting(state["strength"])) for _, one in self._steps(state))

    def table(self) -> pandas.DataFrame:
        """The numbers on the screen: one row per draw."""
        import pandas

        state = self.state
        pixels, cosines = self.numbers(state, self.views(state))
        rows = {"draw": range(1, len(pixels) + 1), "pixels": pixels}
        return pandas.DataFrame(rows | dict(zip(self.encoders, cosines, strict=True)))

    def sentence(self) -> str:
        """The present view in words."""
        state, rows = self.state, self.table()
        text = f"Picture {state['image'] + 1} and {len(rows)} of it: {self.words(state)}. "
        text += f"Mean distance in pixels {rows.pixels.mean():.2f}"
        text += "" if self.between["pixels"] is None else f" (two pictures: {self.between['pixels']:.2f})"
        for name, other in zip(self.encoders, self.between["cosines"], strict=True):
            text += f"; mean cosine of {name} {rows[name].mean():.2f}"
            text += "" if other is None else f" (two pictures: {other:.2f})"
        return text + "."

    def figure(self) -> Figure:
        """The chosen operations' draws, and below them one draw of every operation at this strength."""
        from course_lib.viz.widgets.augmentation_figure import draw

        return draw(self)

    def basic(self) -> Any:
        """ipywidgets' own menus and slider above the figure."""
        import ipywidgets

        from course_lib.viz.widgets.basic_controls import controls

        names, state = list(self.operations), self.state
        menus = {"first": names, "second": [("none", ""), *((n, n) for n in names)]}
        tops = {"image": (0, len(self.images) - 1), "strength": (1, STEPS)}
        found: dict[str, Any] = {
            name: ipywidgets.IntSlider(min=low, max=high, value=state[name], description=name)
            for name, (low, high) in tops.items()
        }
        for name, options in menus.items():
            found[name] = ipywidgets.Dropdown(options=options, value=state[name], description=name)
        return controls(self, found)

    def choose(self, **state: Any) -> None:
        """Change what is shown, from Python: choose(first="rotate", strength=5)."""
        self._state = self._checked(self.state | state)
        if self._live is not None:
            self._live.state = self._state
        self.alt_text = self.sentence()


def _encoders(given: Any) -> dict[str, nn.Module]:
    found = {} if given is None else dict(given) if isinstance(given, Mapping) else {"encoder": given}
    wrong = [name for name, one in found.items() if not isinstance(one, nn.Module)]
    if len(found) > ENCODERS or wrong:
        raise ValueError(
            f"AugmentationExplorer: encoder holds {len(found)}"
            + (f", and {wrong[0]!r} is no PyTorch module" if wrong else "")
            + f"; give an encoder or {{name: encoder}}, at most {ENCODERS}."
        )
    return found


def _pixels(one: Tensor, other: Tensor) -> float:
    """Root of the mean squared difference of two pictures."""
    return float((one - other).square().mean().sqrt())

"""MaskExplorer: how much can be hidden, and how, until a masked autoencoder no longer paints it right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from course_lib.losses.patches import patchify
from course_lib.viz.arrays.mask_patterns import PATTERNS, kept_patches
from course_lib.viz.arrays.reconstruction import Panels, reconstruction_panels
from course_lib.viz.widgets.batches import as_bytes, batch_of
from course_lib.viz.widgets.view import View

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from course_lib.methods import MAE

BYTES = 4_000_000  # of prepared reconstructions
PAINTERS = ("model", "visible_mean", "own_mean")


class MaskExplorer(View):
    """Choose a mask ratio and a pattern, or hide and show single patches; see what the model paints.

        MaskExplorer(method, images)

    method: `methods.MAE`. images: uint8 or in [0, 1], (B, 3, H, W). ratios: parts of the patches that are
    hidden. patterns: out of "random", "block", "grid" (`kept_patches`). state: where to begin: image (from
    0), pattern, ratio, round (another mask of the kind), kept (numbers of the patches that stay, or None).

    The error is the mean squared one over the hidden patches, of the painting as it is shown (in [0, 1]);
    beside it are two painters that know nothing: "visible_mean" paints every hidden patch in the mean colour
    of the visible ones. "own_mean" paints each in its own true mean brightness. With `normalize` this is
    what a prediction of zeros looks like, because the mean and contrast of the true patch are put back, so
    only what the model gains on it is its own.

    Reconstructions of every ratio and pattern are prepared, as many as 4 MB hold; other masks and single
    patches are painted by Python when they are asked for, so a saved page has only the prepared ones.

    Raises TypeError or ValueError in a sentence for another method and for images, ratios or patterns that do
    not fit.
    """

    script = "mask_explorer.js"
    title = "Mask explorer"

    def __init__(
        self,
        method: MAE,
        images: Tensor | np.ndarray,
        ratios: Sequence[float] = (0.25, 0.5, 0.75, 0.9),
        patterns: Sequence[str] = PATTERNS,
        seed: int = 0,
        state: Mapping[str, Any] | None = None,
    ):
        from course_lib.methods import MAE

        if not isinstance(method, MAE):
            raise TypeError(f"MaskExplorer: method is {type(method).__name__}; give a methods.MAE.")
        self.method, self.images, self.seed = method, batch_of(images, "MaskExplorer"), seed
        self.ratios, self.patterns = sorted({float(one) for one in ratios}), list(patterns)
        if seed < 0 or not self.ratios or not self.patterns or not set(self.patterns) <= set(PATTERNS):
            raise ValueError(
                f"MaskExplorer: ratios {self.ratios}, patterns {self.patterns}, seed {seed}; give at least "
                f"one ratio, patterns out of {', '.join(PATTERNS)} and a seed from 0."
            )
        height, width = self.images.shape[2:]
        patch = method.encoder.patch_size
        if height % patch or width % patch:
            raise ValueError(
                f"MaskExplorer: images of {height} x {width} pixels cannot be cut into patches of {patch}."
            )
        self.grid = (height // patch, width // patch)
        middle = min(self.ratios, key=lambda ratio: abs(ratio - method.mask_ratio))
        begin = {"image": 0, "pattern": self.patterns[0], "ratio": middle, "round": 0, "kept": None}
        begin = self._checked(begin | dict(state or {}))
        prepared, arrays = self._prepare(begin)
        config = {
            "images": len(self.images),
            "grid": list(self.grid),
            "ratios": self.ratios,
            "patterns": self.patterns,
            "normalize": method.normalize,
            "prepared": prepared,
        }
        super().__init__(config, {"images": as_bytes(self.images)} | arrays, "", begin)
        self.alt_text = self.config["alt"] = self.sentence()

    def _prepare(self, begin: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
        """The requests that need no kernel, the picture in view first, and their answers."""
        room = max(1, BYTES // as_bytes(self.images[:1]).nbytes)
        found, answers = [self.request(begin)], [self.answer(self.request(begin))]
        near = sorted(self.ratios, key=lambda ratio: abs(ratio - begin["ratio"]))
        everything = range(len(self.images))
        for ratio in near:
            for pattern in self.patterns:
                states: list[dict[str, Any]] = [
                    {"image": image, "pattern": pattern, "ratio": ratio, "round": 0, "kept": None}
                    for image in everything
                ]
                states = [one for one in states if self.request(one) not in found][: room - len(found)]
                if states:
                    found += [self.request(one) for one in states]
                    answers += self._paint([one["image"] for one in states], [self.kept(s) for s in states])
        names = answers[0]
        return found, {name: np.stack([one[name] for one in answers]) for name in names}

    def _checked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        state = dict(state)
        if unknown := set(state) - {"image", "pattern", "ratio", "round", "kept"}:
            raise ValueError(
                f"MaskExplorer: there is no {', '.join(unknown)}; choose image, pattern, ratio, round, kept."
            )
        if not 0 <= state["image"] < len(self.images) or state.get("round", 0) < 0:
            raise ValueError(
                f"MaskExplorer: image is {state['image']}, round {state.get('round')}; there are "
                f"{len(self.images)} images, from 0, and rounds from 0."
            )
        if state.get("kept") is not None:
            kept, patches = sorted(int(one) for one in state["kept"]), self.grid[0] * self.grid[1]
            if not 1 <= len(set(kept)) == len(kept) < patches or kept[0] < 0 or kept[-1] >= patches:
                raise ValueError(
                    f"MaskExplorer: kept names {len(kept)} patches; give different ones from 0 to "
                    f"{patches - 1}, so that at least one stays and at least one is hidden."
                )
            state["kept"] = kept
        elif state["pattern"] not in self.patterns or state["ratio"] not in self.ratios:
            raise ValueError(
                f"MaskExplorer: pattern {state['pattern']!r} and ratio {state['ratio']}; choose of "
                f"{', '.join(self.patterns)} and {', '.join(map(str, self.ratios))}."
            )
        return state

    def request(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the browser asks in this state."""
        if state["kept"] is not None:
            return {"image": state["image"], "kept": list(state["kept"])}
        return {name: state[name] for name in ("image", "pattern", "ratio", "round")}

    def kept(self, state: Mapping[str, Any] | None = None) -> Tensor:
        """The patches that stay in a state (None: the present one), (K,) int64, row by row from 0."""
        state = self._checked(self.state if state is None else state)
        if state.get("kept") is not None:
            return torch.tensor(state["kept"])
        words = [self.seed, int(state["round"]), int(state["image"])]
        seed = int(np.random.SeedSequence(words).generate_state(1)[0])
        return kept_patches(state["pattern"], self.grid, state["ratio"], seed)

    def panels(self, image: int, kept: Tensor) -> Panels:
        """Original, masked, reconstruction and pasted of one image, (1, 3, H, W)."""
        return reconstruction_panels(self.method, self.images[image : image + 1], kept=kept)

    def _paint(self, images: list[int], kept: list[Tensor]) -> list[dict[str, np.ndarray]]:
        """Painting, mask and errors of several pictures with equally many patches kept."""
        panels = reconstruction_panels(self.method, self.images[images], kept=torch.stack(kept))
        mask = panels.mask.flatten(1).cpu()
        painted, errors = as_bytes(panels.reconstruction), self._errors(panels).astype(np.float32)
        rows = zip(painted, mask.numpy().astype(np.uint8), errors, strict=True)
        return [{"painted": a, "mask": b, "errors": c} for a, b, c in rows]

    def _errors(self, panels: Panels) -> np.ndarray:
        """Mean squared error over hidden patches, (B, 3), in the order of PAINTERS."""
        size, found = self.method.encoder.patch_size, []
        true, painted = (
            patchify(one.cpu(), size).unflatten(2, (-1, 3))
            for one in (panels.original, panels.reconstruction)
        )  # (B, N, pixels, 3)
        for rows, guess, mask in zip(true, painted, panels.mask.flatten(1).cpu(), strict=True):
            hidden, visible = rows[mask], rows[~mask]
            paintings = (guess[mask], visible.mean((0, 1)), hidden.mean((1, 2), keepdim=True))
            found.append([float((one - hidden).square().mean()) for one in paintings])
        return np.array(found)

    def answer(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The painting (3, H, W), the mask (N,) with 1 = hidden, and the errors of the three painters."""
        image = int(self._checked(request)["image"])
        return self._paint([image], [self.kept(request)])[0]

    def every_request(self) -> list[dict[str, Any]]:
        """What is shown now, if it was not prepared."""
        now = self.request(self.state)
        return [] if now in self.config["prepared"] else [now]

    def errors(self) -> dict[str, float]:
        """{painter: mean squared error on the hidden patches} of the present state."""
        panels = self.panels(int(self.state["image"]), self.kept())
        return dict(zip(PAINTERS, self._errors(panels)[0].tolist(), strict=True))

    def table(self) -> pandas.DataFrame:
        """The errors of all prepared masks, one row each."""
        import pandas

        errors = pandas.DataFrame(self.arrays["errors"], columns=list(PAINTERS))
        return pandas.concat([pandas.DataFrame(self.config["prepared"]), errors], axis=1)

    def sentence(self) -> str:
        """The present view in words."""
        state, kept, errors = self.state, self.kept(), self.errors()
        patches = self.grid[0] * self.grid[1]
        how = "chosen one by one" if state["kept"] is not None else f"pattern {state['pattern']}"
        return (
            f"Picture {state['image'] + 1} with {patches - len(kept)} of {patches} patches hidden, {how}. "
            f"Mean squared error: the model {errors['model']:.4f}, the mean colour of the visible patches "
            f"{errors['visible_mean']:.4f}"
            + (f", each patch in its own mean {errors['own_mean']:.4f}." if self.method.normalize else ".")
        )

    def figure(self) -> Figure:
        """The present pattern at every ratio; of patches chosen one by one only these."""
        from course_lib.viz.contrastive_figures import with_alt
        from course_lib.viz.masking_figures import reconstruction_grid

        state, rows = self.state, {}
        for ratio in self.ratios if state["kept"] is None else [0.0]:
            kept = self.kept(state if state["kept"] is not None else state | {"ratio": ratio})
            hidden = 1 - len(kept) / (self.grid[0] * self.grid[1])
            panels = self.panels(int(state["image"]), kept)
            four = (panels.original, panels.masked, panels.reconstruction, panels.pasted)
            rows[ratio if state["kept"] is None else round(hidden, 3)] = [one[0].cpu() for one in four]
        figure = reconstruction_grid(rows)
        return with_alt(figure, f"{self.sentence()} {figure.alt_text}")  # type: ignore[attr-defined]

    def basic(self) -> Any:
        """ipywidgets' own menus above the figure."""
        import ipywidgets

        from course_lib.viz.widgets.basic_controls import controls

        top = len(self.images) - 1
        image = ipywidgets.IntSlider(min=0, max=top, value=self.state["image"], description="image")
        found = {
            name: ipywidgets.Dropdown(options=options, value=self.state[name], description=name)
            for name, options in (("pattern", self.patterns), ("ratio", self.ratios))
        }
        return controls(self, {"image": image} | found)

    def choose(self, **state: Any) -> None:
        """Change what is shown, from Python: choose(ratio=0.9) or choose(kept=[0, 7])."""
        if set(state) & {"pattern", "ratio", "round"}:
            state.setdefault("kept", None)
        self._state = self._checked(self.state | state)
        if self._live is not None:
            self._live.state = self._state
        self.alt_text = self.sentence()

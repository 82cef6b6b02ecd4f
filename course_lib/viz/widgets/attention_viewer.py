"""AttentionViewer: click on a patch and see where each head looks, in up to three models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.evaluate import attention_jaccard, mass_mask
from course_lib.models.running import device_of
from course_lib.viz.arrays.attention import AttentionReading, read_attention
from course_lib.viz.widgets.batches import as_bytes, batch_of
from course_lib.viz.widgets.view import View

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

MODELS = 3
EXACT_BYTES = 8_000_000  # up to here queries and keys travel in float32, above in float16


class AttentionViewer(View):
    """Pictures with the attention of any layer, head and query patch on them, moved by mouse or keys.

        AttentionViewer({"random": a, "DINO": b}, images, masks)

    models: a model or {name: model}, at most three; anything that `read_attention` reads. images: uint8 or in
    [0, 1], (B, 3, H, W). masks: per image the true objects (K, H, W) bool; with them the viewer outlines them
    and shows the Jaccard index of the chosen share of attention. prepare: for models that do not take [0, 1]:
    images -> what the models take. layers: which ones travel to the browser (None: all).
    state: where to begin: image, layer, head (both from 0; head -1: mean of all), query (token; 0 is CLS),
    mass, opacity. patch_size, prefix: for models of an unknown library.

    The browser gets queries and keys, not maps, and computes each row that is looked at itself. Another image
    is read by Python when it is asked for.

    Raises TypeError or ValueError in a sentence for more than three models, pictures and masks that do not
    fit, and for what `read_attention` raises.
    """

    script = "attention_viewer.js"
    title = "Attention viewer"

    def __init__(
        self,
        models: nn.Module | Mapping[str, nn.Module],
        images: Tensor | np.ndarray,
        masks: Sequence[Tensor | np.ndarray] | None = None,
        layers: Sequence[int] | None = None,
        prepare: Any = None,
        state: Mapping[str, Any] | None = None,
        patch_size: int | tuple[int, int] | None = None,
        prefix: int | None = None,
    ):
        named = dict(models) if isinstance(models, Mapping) else {type(models).__name__: models}
        if not 1 <= len(named) <= MODELS:
            raise ValueError(
                f"AttentionViewer: {len(named)} models were given; one to {MODELS} fit side by side."
            )
        self.models, self.layers = named, layers
        self.images = batch_of(images, "AttentionViewer")
        self.masks = None if masks is None else [torch.as_tensor(one).bool() for one in masks]
        self._check_masks()
        self.prepare = prepare
        self.known: dict[str, Any] = {"patch_size": patch_size, "prefix": prefix}
        begin = {"image": 0, "layer": -1, "head": 0, "query": 0, "mass": 0.6, "opacity": 0.6} | dict(
            state or {}
        )
        self._readings: dict[int, dict[str, AttentionReading]] = {}
        readings = self.readings(int(begin["image"]))
        begin["layer"] = self._layer_place(begin["layer"], readings)
        config = {
            "models": [self._facts(name, reading) for name, reading in readings.items()],
            "images": len(self.images),
            "begin": int(begin["image"]),
            "size": list(self.images.shape[2:]),
            "masks": self.masks is not None,
        }
        arrays = {"images": as_bytes(self.images)} | self.answer({"image": int(begin["image"])})
        super().__init__(config, arrays, "", begin)
        self.alt_text = self.sentence()
        self.config["alt"] = self.alt_text

    def _check_masks(self) -> None:
        if self.masks is None:
            return
        size = tuple(self.images.shape[2:])
        shapes = [tuple(one.shape) for one in self.masks]
        if len(shapes) != len(self.images) or any(len(s) != 3 or s[1:] != size for s in shapes):
            raise ValueError(
                f"AttentionViewer: masks have the shapes {shapes}; give one (K, {size[0]}, {size[1]}) "
                f"for each of the {len(self.images)} images."
            )

    def _layer_place(self, layer: int, readings: Mapping[str, AttentionReading]) -> int:
        numbers = [len(reading.layers) for reading in readings.values()]
        if not -min(numbers) <= layer < min(numbers):
            raise ValueError(f"AttentionViewer: layer is {layer}; the models have {min(numbers)}, from 0.")
        return layer % min(numbers)

    def _facts(self, name: str, reading: AttentionReading) -> dict[str, Any]:
        grid = list(reading.grid)
        patch = [self.images.shape[2] // grid[0], self.images.shape[3] // grid[1]]
        heads = reading.layers[0].heads
        known = {"heads": heads, "prefix": reading.prefix, "grid": grid, "patch": patch}
        return {"name": name, "path": reading.path, "layers": reading.numbers} | known

    def readings(self, image: int) -> dict[str, AttentionReading]:
        """{name: what was read} of one image, of all layers; kept for the last few images."""
        if not 0 <= image < len(self.images):
            raise ValueError(f"AttentionViewer: image is {image}; there are {len(self.images)}, from 0.")
        if image not in self._readings:
            given = self.images[image : image + 1]
            given = given if self.prepare is None else self.prepare(given)
            while len(self._readings) > 3:
                self._readings.pop(next(iter(self._readings)))
            self._readings[image] = {
                name: read_attention(model, given.to(device_of(model)), self.layers, **self.known)
                for name, model in self.models.items()
            }
        return self._readings[image]

    def answer(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Queries and keys of one image for every model; how many pixels of each object each patch has."""
        image, found = int(request["image"]), {}
        readings = self.readings(image)
        total = sum(
            8 * layer.queries[0].numel()
            for reading in readings.values()
            for layer in reading.layers
            if layer.queries is not None
        )
        kind = np.float32 if total <= EXACT_BYTES else np.float16
        for number, reading in enumerate(readings.values()):
            if any(layer.queries is None or layer.mask is not None for layer in reading.layers):
                found[f"maps{number}"] = reading.maps()[:, 0].cpu().numpy().astype(kind)
                continue
            for name in ("queries", "keys"):
                both = torch.stack([getattr(layer, name)[0].float() for layer in reading.layers])
                found[f"{name}{number}"] = both.cpu().numpy().astype(kind)  # (L, H, T, d)
        if self.masks is not None:
            objects = self.masks[image]
            objects = objects[objects.flatten(1).any(dim=1)]
            labels = torch.zeros(objects.shape[1:], dtype=torch.uint8)
            for number, one in enumerate(objects):
                labels[one] = number + 1
            found["labels"] = labels.numpy()  # (H, W): 0 is background
            for number, reading in enumerate(readings.values()):
                rows, columns = reading.grid
                tall, wide = objects.shape[1] // rows, objects.shape[2] // columns
                cut = objects.float().unflatten(2, (columns, wide)).unflatten(1, (rows, tall))
                found[f"overlap{number}"] = cut.sum((2, 4)).flatten(1).numpy().astype(np.int32)  # (K, N)
        return found

    def every_request(self) -> list[dict[str, Any]]:
        """Every image."""
        return [{"image": image} for image in range(len(self.images))]

    def rows(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Per model what the chosen query takes from patches (H, rows, columns) and from the prefix (H,)."""
        state, found = self.state, {}
        readings = self.readings(int(state["image"]))
        first = next(iter(readings.values()))
        for name, reading in readings.items():
            query = same_place(int(state["query"]), first, reading)
            row = reading.layers[state["layer"]].rows(query)[0].cpu()  # (H, T)
            found[name] = (
                row[:, reading.prefix :].unflatten(1, reading.grid),
                row[:, : reading.prefix].sum(1),
            )
        return found

    def table(self) -> pandas.DataFrame:
        """The numbers on the screen: one row per model, head and patch."""
        import pandas

        lines = []
        for name, (maps, _) in self.rows().items():
            chosen = mass_mask(maps.flatten(1), self.state["mass"])
            for head, row in enumerate(maps):
                for place, value in enumerate(row.flatten().tolist()):
                    where = {"row": place // row.shape[1], "column": place % row.shape[1]}
                    lines.append(
                        {"model": name, "head": head}
                        | where
                        | {"attention": value, "mask": bool(chosen[head, place])}
                    )
        return pandas.DataFrame(lines)

    def jaccard(self) -> dict[str, tuple[float, float]]:
        """Per model the Jaccard index of the chosen head and of the best head for each object."""
        if self.masks is None:
            raise ValueError("AttentionViewer: no masks were given, so there is no Jaccard index.")
        state, found = self.state, {}
        for name, (maps, _) in self.rows().items():
            height = self.images.shape[2] // maps.shape[1]
            if head := state["head"] + 1:
                maps = torch.cat([maps[head - 1 : head], maps])
            else:
                maps = torch.cat([maps.mean(0, keepdim=True), maps])
            masks = [self.masks[int(state["image"])]]
            scores = attention_jaccard(maps[:1][None], masks, height, state["mass"])
            best = attention_jaccard(maps[1:][None], masks, height, state["mass"])
            found[name] = (float(scores.per_head[0]), best.best_head)
        return found

    def query_in_words(self) -> str:
        """ "CLS", "register 2", or "the patch in row 3, column 1", counted from 0."""
        reading = next(iter(self.readings(int(self.state["image"])).values()))
        query = int(self.state["query"])
        if query < reading.prefix:
            return "CLS" if query == 0 else f"register {query}"
        row, column = divmod(query - reading.prefix, reading.grid[1])
        return f"the patch in row {row}, column {column}"

    def sentence(self) -> str:
        """The present view in words."""
        state, parts = self.state, []
        for name, (maps, removed) in self.rows().items():
            head = state["head"]
            one = maps.mean(0) if head < 0 else maps[head]
            row, column = divmod(int(one.argmax()), one.shape[1])
            mass = float(removed.mean() if head < 0 else removed[head])
            parts.append(
                f"{name}: most, {100 * float(one.max()):.1f} %, from row {row}, column {column}; "
                f"{100 * mass:.1f} % from CLS and registers."
            )
        which = "the mean of all heads" if state["head"] < 0 else f"head {state['head']}"
        return f"What {self.query_in_words()} takes in layer {state['layer']}, {which}. " + " ".join(parts)

    def figure(self) -> Figure:
        """Image, heads and, with masks, the best head's mask, one row per model."""
        from course_lib.viz.attention_figures import compare_models

        image = int(self.state["image"])
        masks = None if self.masks is None else self.masks[image]
        maps = {name: rows for name, (rows, _) in self.rows().items()}
        return compare_models(self.images[image], maps, masks, self.state["mass"])

    def basic(self) -> Any:
        """ipywidgets' own sliders and a picture, for places without anywidget."""
        from course_lib.viz.widgets.attention_basic import controls

        return controls(self)

    def choose(self, **state: Any) -> None:
        """Change what is shown, from Python: choose(layer=2, head=0, query=0)."""
        unknown = set(state) - set(self.state)
        if unknown:
            raise ValueError(
                f"AttentionViewer: there is no {', '.join(unknown)}; choose of {', '.join(self.state)}."
            )
        new = self.state | state
        reading = next(iter(self.readings(int(new["image"])).values()))
        new["layer"] = self._layer_place(new["layer"], self.readings(int(new["image"])))
        if (
            not -1 <= new["head"] < reading.layers[0].heads
            or not 0 <= new["query"] < reading.layers[0].tokens
        ):
            raise ValueError(
                f"AttentionViewer: head is {new['head']}, query is {new['query']}; there are "
                f"{reading.layers[0].heads} heads (-1: their mean) and {reading.layers[0].tokens} tokens."
            )
        self._state = new
        if self._live is not None:
            self._live.state = new


def same_place(query: int, first: AttentionReading, other: AttentionReading) -> int:
    """The token of `other` that lies where token `query` of `first` lies, for models with other patches."""
    if query < first.prefix:
        return min(query, max(other.prefix - 1, 0))
    place = divmod(query - first.prefix, first.grid[1])
    row, column = (
        int((at + 0.5) / mine * theirs)
        for at, mine, theirs in zip(place, first.grid, other.grid, strict=True)
    )
    return other.prefix + row * other.grid[1] + column

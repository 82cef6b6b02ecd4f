"""EmbeddingExplorer: a map of pictures to walk through, with the neighbours that the features know.

jupyter-scatter was considered and rejected: it leaves no picture in exported pages, brings a stack of its own
and cannot be saved as one page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from course_lib.viz.arrays.neighbours import nearest_rows
from course_lib.viz.widgets.batches import as_bytes, batch_of
from course_lib.viz.widgets.view import View

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

BYTES = 4_000_000  # of thumbnails in the browser
SMALLEST, LARGEST = 12, 64  # pixels of a thumbnail's longer side
DRAWN = 2000  # points in the static figure
NO_LABEL = "no label"


class EmbeddingExplorer(View):
    """Zoom and pan a map of pictures, select with a lasso, compare its neighbours with those of the features.

        view = EmbeddingExplorer(embedding_positions(features), images, labels, names, features)
        view.selected()          # numbers of the pictures inside the lasso

    positions: (N, 2). images: uint8 or in [0, 1], (N, 3, H, W); thumbnails of together 4 MB travel to the
    browser, so many pictures get small ones and Python sends the one in focus in full. labels: (N,) names or
    numbers; with class_names they are places in it, -1 for no label. Shape and colour tell 56 labels apart.
    features: (N, D); with them the k nearest pictures by cosine similarity stand beside the nearest on the
    map: a map in two dimensions must tear some neighbours apart. method: how the positions were made, in a
    word ("t-SNE"). state: where to begin: selection, focus (number of a picture or None), window (centre and
    zoom), tool ("pan" or "lasso"), pictures ("near", "some" or "none").

    Raises TypeError or ValueError in a sentence when the lengths differ or a position is not finite.
    """

    script = "embedding_explorer.js"
    title = "Embedding explorer"

    def __init__(
        self,
        positions: Tensor | np.ndarray,
        images: Tensor | np.ndarray,
        labels: Sequence[Any] | Tensor | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        features: Tensor | np.ndarray | None = None,
        k: int = 6,
        method: str = "embedding",
        state: Mapping[str, Any] | None = None,
    ):
        self.images = batch_of(images, "EmbeddingExplorer")
        self.positions = torch.as_tensor(positions).detach().cpu().double().numpy()
        count = len(self.images)
        if self.positions.shape != (count, 2) or not np.isfinite(self.positions).all() or count < 2:
            raise ValueError(
                f"EmbeddingExplorer: positions are {self.positions.shape} for {count} images; finite numbers "
                f"({count}, 2), and at least 2 pictures, are needed."
            )
        self.labels, self.names = _labelled(labels, class_names, count)
        self.labelled, self.method = labels is not None, method
        self.neighbours, similarity = None, None
        k = min(k, count - 1)
        if features is not None:
            if len(features) != count:
                raise ValueError(
                    f"EmbeddingExplorer: {len(features)} features for {count} images; give one each."
                )
            self.neighbours, similarity = (one.cpu().numpy() for one in nearest_rows(features, k))
        self.on_map = nearest_rows(self.positions, k, "distance")[0].numpy()
        low, high = self.positions.min(0), self.positions.max(0)
        unit = float((high - low).max()) or 1.0
        side = int(min(LARGEST, max(SMALLEST, np.sqrt(BYTES / (3 * count)))))
        arrays = {
            "positions": ((self.positions - (low + high) / 2) / unit).astype(np.float32),  # centre 0, span 1
            "thumbnails": as_bytes(self.images, side),
            "labels": self.labels.astype(np.uint16),
            "on_map": self.on_map.astype(np.int32),
        }
        if self.neighbours is not None:
            arrays["neighbours"] = self.neighbours.astype(np.int32)
            arrays["similarity"] = np.asarray(similarity, dtype=np.float32)
        config = {
            "names": self.names,
            "labelled": self.labelled,
            "extent": [float(one) for one in (high - low) / unit],
            "full": arrays["thumbnails"].shape != tuple(self.images.shape),
            "truth": self._truth(),
        }
        begin = {"selection": [], "focus": None, "window": [0.0, 0.0, 1.0], "tool": "pan", "pictures": "near"}
        begin = self._checked(begin | dict(state or {}))
        super().__init__(config, arrays, "", begin)
        self.alt_text = self.config["alt"] = self.sentence()

    def _checked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        state, count = dict(state), len(self.images)
        if unknown := set(state) - {"selection", "focus", "window", "tool", "pictures"}:
            raise ValueError(
                f"EmbeddingExplorer: there is no {', '.join(unknown)}; choose selection, focus, window, tool "
                "or pictures."
            )
        state["selection"] = sorted({int(one) for one in state["selection"]})
        asked = state["selection"] + ([] if state["focus"] is None else [int(state["focus"])])
        if any(not 0 <= one < count for one in asked):
            raise ValueError(
                f"EmbeddingExplorer: selection and focus go from {min(asked)} to {max(asked)}; there are "
                f"{count} pictures, from 0."
            )
        if state["tool"] not in ("pan", "lasso") or state["pictures"] not in ("near", "some", "none"):
            raise ValueError(
                f"EmbeddingExplorer: tool {state['tool']!r} and pictures {state['pictures']!r}; choose pan "
                "or lasso, and near, some or none."
            )
        return state

    def agreement(self) -> dict[str, float]:
        """How far the map can be believed, means over all pictures; k neighbours each.

        shared: part of the neighbours by features that are neighbours on the map too. by_features, on_map:
        part of the neighbours with the label of the picture. Without features or labels the keys are missing.
        """
        found = {}
        if self.neighbours is not None:
            same = (self.neighbours[:, :, None] == self.on_map[:, None, :]).any(2)
            found["shared"] = float(same.mean())
        if self.labelled:
            for name, near in (("by_features", self.neighbours), ("on_map", self.on_map)):
                if near is not None:
                    found[name] = float((self.labels[near] == self.labels[:, None]).mean())
        return found

    def _truth(self) -> str:
        """The agreement in sentences, each after a space."""
        known, text = self.agreement(), ""
        for name, where in (("by_features", "by features"), ("on_map", "on the map")):
            if name in known:
                text += f" {100 * known[name]:.0f} % of the nearest pictures {where} have the same label."
        if "shared" in known:
            text += (
                f" {100 * known['shared']:.0f} % of the nearest by features are among the nearest on the map."
            )
        return text

    def answer(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """One picture at its full size."""
        image = int(request["image"])
        if not 0 <= image < len(self.images):
            raise ValueError(f"EmbeddingExplorer: image is {image}; there are {len(self.images)}, from 0.")
        return {"image": as_bytes(self.images[image : image + 1])}

    def selected(self) -> np.ndarray:
        """The numbers of the selected pictures, ascending, (S,) int64."""
        return np.array(sorted(self.state["selection"]), dtype=np.int64)

    def select(self, label: str) -> np.ndarray:
        """Select all pictures of one label, by its name. Raises ValueError for an unknown one."""
        if label not in self.names:
            raise ValueError(
                f"EmbeddingExplorer: there is no label {label!r}; choose of {', '.join(self.names)}."
            )
        self.choose(selection=np.flatnonzero(self.labels == self.names.index(label)).tolist())
        return self.selected()

    def choose(self, **state: Any) -> None:
        """Change what is shown, from Python: choose(selection=[3, 5], focus=3)."""
        self._state = self._checked(self.state | state)
        if self._live is not None:
            self._live.state = self._state
        self.alt_text = self.sentence()

    def table(self) -> pandas.DataFrame:
        """One row per label: how many pictures it has and how many of them are selected."""
        import pandas

        chosen = np.bincount(self.labels[self.selected()], minlength=len(self.names))
        every = np.bincount(self.labels, minlength=len(self.names))
        return pandas.DataFrame({"label": self.names, "selected": chosen, "pictures": every})

    def sentence(self) -> str:
        """The present view in words."""
        chosen, text = self.selected(), f"{self.method} map of {len(self.images)} pictures"
        text += f" with {len(self.names)} labels." if self.labelled else " without labels, a point each."
        text += self._truth()
        if len(chosen):
            rows = self.table().sort_values("selected", ascending=False).head(3)
            parts = [f"{r.selected} {r.label}" for r in rows.itertuples() if r.selected]
            text += f" {len(chosen)} pictures are selected" + (
                f": {', '.join(parts)}." if self.labelled else "."
            )
        if self.state["focus"] is not None:
            text += f" In focus is picture {self.state['focus'] + 1}"
            text += f", {self.names[self.labels[self.state['focus']]]}." if self.labelled else "."
        return text

    def figure(self) -> Figure:
        """The map with some thumbnails; rings around what is selected, a cross on what is in focus."""
        from course_lib.viz.contrastive_figures import panels, with_alt
        from course_lib.viz.embedding_figures import embedding_map
        from course_lib.viz.picture_panels import cross

        shown = np.arange(0, len(self.images), -(-len(self.images) // DRAWN))
        place, words = self.positions[shown], self.sentence()
        if self.labelled:
            names = np.array(self.names)[self.labels[shown]]
            drawn = embedding_map(place, names, self.images[shown], self.method, positions=place)
            axis = drawn.axes[0]
        else:
            drawn, axis = panels(1, 1, 10.0, 6.4)
            axis.scatter(place[:, 0], place[:, 1], s=34, color="#31446b", linewidths=0, alpha=0.8)
            axis.set(xticks=[], yticks=[], title=f"{self.method} map of {len(self.images)} pictures")
        across, up = self.positions[self.selected()].T
        axis.scatter(across, up, s=90, facecolors="none", edgecolors="black")
        if self.state["focus"] is not None:
            cross(axis, *self.positions[self.state["focus"]])
        some = "" if len(shown) == len(self.images) else f" {len(shown)} of them are drawn."
        return with_alt(drawn, words + some)

    def basic(self) -> Any:
        """A slider for the picture in focus above the figure."""
        import ipywidgets

        from course_lib.viz.widgets.basic_controls import controls

        focus = ipywidgets.IntSlider(
            min=0, max=len(self.images) - 1, value=self.state["focus"] or 0, description="picture"
        )
        return controls(self, {"focus": focus})


def _labelled(labels: Any, class_names: Sequence[str] | None, count: int) -> tuple[np.ndarray, list[str]]:
    """Labels as places (N,) in a list of the names that occur; pictures without one come last."""
    if labels is None:
        return np.zeros(count, dtype=np.int64), ["picture"]
    found = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if found.shape != (count,):
        raise ValueError(f"EmbeddingExplorer: labels are {found.shape} for {count} images; give one each.")
    if class_names is None:
        kinds, places = np.unique(found, return_inverse=True)
        return places, [str(one) for one in kinds]
    if found.dtype.kind not in "iu" or found.min() < -1 or found.max() >= len(class_names):
        raise ValueError(
            f"EmbeddingExplorer: labels must be places in class_names, 0 to {len(class_names) - 1}, or -1."
        )
    present = [int(one) for one in np.unique(found) if one >= 0]
    known = {one: place for place, one in enumerate(present)} | {-1: len(present)}
    names = [str(class_names[one]) for one in present] + ([NO_LABEL] if (found == -1).any() else [])
    return np.array([known[int(one)] for one in found]), names

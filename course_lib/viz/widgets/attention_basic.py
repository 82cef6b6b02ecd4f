"""The attention viewer with ipywidgets' own controls, for places where anywidget cannot run."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.viz.widgets import basic_controls

if TYPE_CHECKING:
    from course_lib.viz.widgets.attention_viewer import AttentionViewer


def controls(viewer: AttentionViewer) -> Any:
    """Sliders for image, layer, head, query and opacity above one picture per model and the view in words."""
    import ipywidgets

    reading = next(iter(viewer.readings(int(viewer.state["image"])).values()))
    first = reading.layers[0]
    tops = {
        "image": (0, len(viewer.images) - 1),
        "layer": (0, len(reading.layers) - 1),
        "head": (-1, first.heads - 1),
        "query": (0, first.tokens - 1),
    }
    sliders: dict[str, Any] = {
        name: ipywidgets.IntSlider(min=low, max=high, value=viewer.state[name], description=name)
        for name, (low, high) in tops.items()
    }
    sliders["opacity"] = ipywidgets.FloatSlider(
        min=0, max=1, step=0.05, value=viewer.state["opacity"], description="opacity"
    )
    pictures = {name: ipywidgets.Image(format="jpeg") for name in viewer.models}
    columns = [ipywidgets.VBox([ipywidgets.Label(name), picture]) for name, picture in pictures.items()]

    def redraw() -> str:
        image = viewer.images[int(viewer.state["image"])].cpu().numpy()
        for name, (maps, _) in viewer.rows().items():
            heat = maps.mean(0) if viewer.state["head"] < 0 else maps[viewer.state["head"]]
            pictures[name].value = overlay_jpeg(image, heat.cpu().numpy(), viewer.state["opacity"])
        return viewer.sentence()

    return basic_controls.controls(viewer, sliders, (ipywidgets.HBox(columns), redraw))


def overlay_jpeg(image: np.ndarray, heat: np.ndarray, opacity: float, side: int = 336) -> bytes:
    """(3, H, W) in [0, 1] with (rows, columns) laid on it, viridis, as JPEG: quick enough for a slider."""
    import matplotlib
    from PIL import Image

    low, high = float(heat.min()), float(heat.max())
    scaled = (heat - low) / (high - low or 1)
    colors = (matplotlib.colormaps["viridis"](scaled)[..., :3] * 255).astype(np.uint8)
    wide = max(1, round(side * image.shape[2] / image.shape[1]))
    below = Image.fromarray((image.transpose(1, 2, 0) * 255).astype(np.uint8)).resize(
        (wide, side), Image.Resampling.NEAREST
    )
    above = Image.fromarray(colors).resize((wide, side), Image.Resampling.NEAREST)
    target = io.BytesIO()
    Image.blend(below, above, opacity).save(target, format="JPEG", quality=85)
    return target.getvalue()

"""Names beside points: each is put where it covers nothing, or left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

# where a name may stand beside its point, in points, the preferred place first
PLACES = (
    ((8, 0), "left", "center"),
    ((-8, 0), "right", "center"),
    ((0, 8), "center", "bottom"),
    ((0, -8), "center", "top"),
    ((6, 6), "left", "bottom"),
    ((-6, 6), "right", "bottom"),
    ((6, -6), "left", "top"),
    ((-6, -6), "right", "top"),
)


def label_points(
    axis: Axes,
    points: Sequence[tuple[str, float, float]],
    size: float = 11,
    nameless: Sequence[tuple[float, float]] = (),
) -> list[str]:
    """Write names beside points where they overlap no other name, no point and no border of the axes.

    points: (name, x, y) in data units; earlier ones choose first, and a name without room is left out.
    nameless: (x, y) of other points, which get no name. Call it last, when limits and titles stand. Returns
    the names that were written.
    """
    figure = axis.figure.get_figure(root=True)
    assert figure is not None
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # settles the layout
    renderer, frame = canvas.get_renderer(), axis.get_window_extent()
    spots = [axis.transData.transform(spot) for spot in (*(point[1:] for point in points), *nameless)]
    taken: list[Bbox] = []
    written: list[str] = []
    for name, x, y in points:
        for offset, across, down in PLACES:
            text = axis.annotate(
                name, (x, y), offset, textcoords="offset points", ha=across, va=down, fontsize=size
            )
            box = text.get_window_extent(renderer).padded(1)
            inside = frame.x0 <= box.x0 and frame.y0 <= box.y0 and box.x1 <= frame.x1 and box.y1 <= frame.y1
            covers = any(box.padded(4).contains(*spot) for spot in spots)
            if inside and not covers and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                written.append(name)
                break
            text.remove()
    return written

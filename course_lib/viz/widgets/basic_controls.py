"""ipywidgets' own controls above the picture of a view, for places where anywidget cannot run."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from course_lib.viz.figures import png


def controls(
    view: Any, widgets: Mapping[str, Any], panel: tuple[Any, Callable[[], str]] | None = None
) -> Any:
    """A box of `widgets` (name in view.choose: control), what they show, and that in words.

    panel: (the box of what is shown, a function that draws it anew and returns the words); without it the
    view's own figure.
    """
    import ipywidgets

    shown, redraw = panel or _figure_of(view)
    text = ipywidgets.HTML()

    def update(_change: Any = None) -> None:
        try:
            view.choose(**{name: control.value for name, control in widgets.items()})
            words = redraw()
        except ValueError as error:  # what was chosen does not go together; the picture stays
            words = str(error)
        text.value = f'<p role="status">{html.escape(words)}</p>'

    for control in widgets.values():
        control.observe(update, names="value")
    update()
    return ipywidgets.VBox([*widgets.values(), shown, text])


def _figure_of(view: Any) -> tuple[Any, Callable[[], str]]:
    import ipywidgets

    picture = ipywidgets.Image(format="png")

    def redraw() -> str:
        figure = view.figure()
        picture.value = png(figure)
        return figure.alt_text

    return picture, redraw

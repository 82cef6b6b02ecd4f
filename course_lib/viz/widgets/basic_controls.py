"""ipywidgets' own controls above the picture of a view, for places where anywidget cannot run."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from course_lib.viz.widgets.view import png


def controls(view: Any, widgets: Mapping[str, Any]) -> Any:
    """A box of `widgets` (name in view.choose: control), the view's figure and the figure in words."""
    import ipywidgets

    picture, text = ipywidgets.Image(format="png"), ipywidgets.HTML()

    def update(_change: Any = None) -> None:
        try:
            view.choose(**{name: control.value for name, control in widgets.items()})
        except ValueError as error:  # what was chosen does not go together; the picture stays
            text.value = f'<p role="status">{html.escape(str(error))}</p>'
            return
        figure = view.figure()
        picture.value = png(figure)
        text.value = f'<p role="status">{html.escape(figure.alt_text)}</p>'

    for control in widgets.values():
        control.observe(update, names="value")
    update()
    return ipywidgets.VBox([*widgets.values(), picture, text])

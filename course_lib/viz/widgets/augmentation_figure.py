"""The static picture of an augmentation explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course_lib.viz.contrastive_figures import panels, with_alt
from course_lib.viz.picture_panels import headline, picture, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.viz.widgets.augmentation_explorer import AugmentationExplorer

LETTERS = 20  # that fit over a panel


def draw(explorer: AugmentationExplorer) -> Figure:
    """The original, the draws of the chosen operations, and below one draw of every operation.

    Under each picture: the root mean squared distance in pixels, from 0 to 1, and each encoder's cosine.
    """
    state = explorer.state
    views = explorer.views(state)
    columns = max(1 + len(views), 6 if len(explorer.operations) > 3 else len(explorer.operations))
    below = -(-len(explorer.operations) // columns)
    figure, axes = panels(columns, 1 + below, 2.0, 2.15 + 0.2 * len(explorer.encoders), squeeze=False)
    tidy(axes, 0)
    picture(axes[0, 0], explorer.images[state["image"]], "original")
    _row(explorer, axes[0, 1:], [f"draw {n}" for n in range(1, 1 + len(views))], state, views)
    for axis, name in zip(axes[1:].ravel(), explorer.operations, strict=False):
        one = state | {"first": name, "second": ""}
        _row(explorer, [axis], [name], one, explorer.views(one)[:1])
    names = state["first"] + (f", then {state['second']}" if state["second"] else "")
    headline(figure, f"Above: {names} at strength {state['strength']} of 5. Below: each operation once.")
    return with_alt(
        figure, f"{explorer.sentence()} Below them one draw of each of: {', '.join(explorer.operations)}."
    )


def _row(explorer: AugmentationExplorer, axes, titles, state, views) -> None:
    pixels, cosines = explorer.numbers(state, views)
    for number, (axis, title) in enumerate(zip(axes, titles, strict=False)):
        lines = [f"distance {pixels[number]:.2f}"]
        said = zip(explorer.encoders, cosines, strict=True)
        lines += [f"cos {name} {row[number]:.2f}" for name, row in said]
        axis.set_axis_on()
        picture(axis, np.asarray(views[number]), title, "\n".join(lines))

"""Every figure with words for those who cannot see it."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def alt(figure: Figure, text: str, dpi: int = 110) -> None:
    """Show a Matplotlib figure with its alternative text.

    In a notebook the figure is displayed as a PNG whose HTML `alt` attribute is the text, and then closed;
    everywhere else it is left alone. In both cases the text is kept as `figure.alt_text`. text: one or two
    sentences that say what is seen and what follows from it; a ValueError if it is empty.
    """
    text = " ".join(str(text).split())
    if not text:
        raise ValueError("alt: text is empty; say in a sentence what the figure shows.")
    figure.alt_text = text
    if not _in_notebook():
        return
    from IPython.display import display

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi, bbox_inches="tight")
    code = base64.b64encode(picture.getvalue()).decode("ascii")
    image = f'<img alt="{html.escape(text)}" src="data:image/png;base64,{code}" style="max-width: 100%">'
    display({"text/html": image, "text/plain": f"[figure: {text}]"}, raw=True)
    import matplotlib.pyplot as plt

    plt.close(figure)


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")

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

    In a notebook the figure is displayed as a PNG and closed. The text goes along as `alt` metadata, which
    nbconvert writes into the page, and can be unfolded below the picture, because JupyterLab and GitHub show
    the picture alone. Outside a notebook nothing is shown. The text is always kept as `figure.alt_text`.
    text: one or two sentences that say what is seen and what follows; a ValueError if it is empty.
    """
    text = " ".join(str(text).split())
    if not text:
        raise ValueError("alt: text is empty; say in a sentence what the figure shows.")
    figure.alt_text = text  # type: ignore[attr-defined]  # an attribute of our own
    if not _in_notebook():
        return
    from IPython.display import display

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi, bbox_inches="tight")
    code = base64.b64encode(picture.getvalue()).decode("ascii")
    shown = {"image/png": code, "text/plain": f"[figure: {text}]"}
    display(shown, raw=True, metadata={"image/png": {"alt": text}})
    words = f"<details><summary>The figure in words</summary>{html.escape(text)}</details>"
    display({"text/html": words, "text/plain": text}, raw=True)
    import matplotlib.pyplot as plt

    plt.close(figure)


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")

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

    In a notebook the figure is displayed and closed, with the text as its `alt` and, to be unfolded, below
    it, because JupyterLab and GitHub show the picture alone. The picture goes along twice: in HTML, where
    nbconvert's default template keeps the text, and as PNG for pages that show no HTML. Outside a notebook
    nothing is shown. The text is always kept as `figure.alt_text`.
    text: one or two sentences that say what is seen and what follows; a ValueError if it is empty.
    """
    text = " ".join(str(text).split())
    if not text:
        raise ValueError("alt: text is empty; say in a sentence what the figure shows.")
    figure.alt_text = text  # type: ignore[attr-defined]  # an attribute of our own
    if not _in_notebook():
        return
    from IPython.display import display

    shown, metadata = with_words(png(figure, dpi), text, "figure")
    unfolded = f"<details><summary>The figure in words</summary>{html.escape(text)}</details>"
    display(shown | {"text/html": shown["text/html"] + unfolded}, raw=True, metadata=metadata)
    import matplotlib.pyplot as plt

    plt.close(figure)


def png(figure: Figure, dpi: int = 110) -> bytes:
    """A figure as PNG."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi, bbox_inches="tight")
    return picture.getvalue()


def with_words(picture: bytes, text: str, title: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """A PNG with its alternative text for `display(..., raw=True)`: (data of each MIME type, metadata)."""
    code, words = base64.b64encode(picture).decode("ascii"), html.escape(text, quote=True)
    shown = {
        "image/png": code,
        "text/html": f'<img src="data:image/png;base64,{code}" alt="{words}" style="max-width: 100%">',
        "text/plain": f"[{title}: {text}]",
    }
    return shown, {"image/png": {"alt": text}}


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")

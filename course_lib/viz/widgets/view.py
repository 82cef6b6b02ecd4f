"""What every widget has in common: live where a browser can talk to Python, a picture everywhere else.

A view prepares everything on the Python side: a JSON `config`, arrays, and a script that draws them. So one
script serves the live widget and the page that works from disk, and no view needs a kernel to be looked at.
"""

from __future__ import annotations

import functools
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.viz.figures import alt, png, with_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
MODES = ("live", "basic", "static")


class View:
    """A picture that can be played with.

    A subclass sets `script`, the name of its .js, and `shared`, scripts that it builds on, and gives
    `config`, `arrays`, `alt_text` and `figure`.
    state: what the user has chosen so far, kept in step with the browser. log: what the user did, in order.

    How it is shown: "live" (anywidget), "basic" (ipywidgets' own controls) or "static" (a figure with its
    text). COURSE_WIDGETS chooses; by default live, basic where anywidget is missing, and static while the
    course is built, so that committed notebooks show a picture everywhere.
    """

    script = ""
    shared: tuple[str, ...] = ()
    title = ""

    def __init__(
        self,
        config: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        alt_text: str,
        state: Mapping[str, Any] | None = None,
    ):
        self.alt_text = " ".join(alt_text.split())
        self.config = dict(config) | {"title": self.title, "alt": self.alt_text}
        self.arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        self._state, self._log = dict(state or {}), list[dict[str, Any]]()
        self._live: Any = None

    # What a subclass gives

    def figure(self) -> Figure:
        """The static picture of the present state."""
        raise NotImplementedError

    def basic(self) -> Any:
        """The same with ipywidgets' own controls; where a view has none, its picture."""
        import ipywidgets

        return ipywidgets.VBox(
            [ipywidgets.Image(value=png(self.figure())), ipywidgets.HTML(html.escape(self.alt_text))]
        )

    def answer(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Arrays that the browser asks for while it runs. Raises ValueError for what it cannot answer."""
        raise ValueError(f"{type(self).__name__} answers no requests; {dict(request)} was asked.")

    def every_request(self) -> list[dict[str, Any]]:
        """All that the script can ask, for a page without a kernel."""
        return []

    # What every view can do

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen now, in the browser if it runs."""
        return dict(self._live.state) if self._live is not None else dict(self._state)

    @property
    def log(self) -> list[dict[str, Any]]:
        """What the user did, oldest first."""
        return list(self._live.log) if self._live is not None else list(self._log)

    @property
    def widget(self) -> Any:
        """The live widget, made when first asked for. Raises ImportError without anywidget."""
        if self._live is None:
            self._live = _live_class((*self.shared, self.script))(
                config=self.config | {"arrays": layout(self.arrays)},
                data=pack(self.arrays),
                state=self._state,
                log=self._log,
            )
            self._live.on_msg(self._reply)
        return self._live

    def close(self) -> None:
        """Let the browser's side go; state and log stay."""
        if self._live is not None:
            self._state, self._log = self.state, self.log
            self._live.close()
            self._live = None

    def _reply(self, widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        """Answer one request; an error goes back as its sentence."""
        try:
            arrays = {n: np.ascontiguousarray(a) for n, a in self.answer(message["request"]).items()}
            widget.send({"id": message["id"], "arrays": layout(arrays)}, [pack(arrays)])
        except (ValueError, TypeError, KeyError) as error:
            widget.send({"id": message.get("id"), "error": str(error)})

    def _ipython_display_(self) -> None:
        """Called by a notebook to show the view."""
        how = mode()
        if how == "static":
            alt(self.figure(), self.alt_text)
            return
        from IPython.display import display

        if how == "basic":
            display(self.basic())
            return
        # a picture goes along, for pages that have no kernel and no widgets
        live, about = self.widget._repr_mimebundle_()
        shown, metadata = with_words(png(self.figure()), self.alt_text, self.title)
        display(live | shown, raw=True, metadata=about | metadata)

    def save_html(self, path: str | Path) -> Path:
        """One file that works from disk without any network or kernel, for handing in or for a slide."""
        from course_lib.viz.widgets.page import write_page

        return write_page(self, Path(path))


def mode() -> str:
    """How views are shown here; see `View`. Raises ValueError for an unknown COURSE_WIDGETS."""
    asked = os.environ.get("COURSE_WIDGETS")
    if asked:
        if asked not in MODES:
            raise ValueError(f'COURSE_WIDGETS is "{asked}"; choose one of {", ".join(MODES)}.')
        return asked
    if os.environ.get("COURSE_BUILDING"):
        return "static"
    try:
        import anywidget  # noqa: F401
    except ImportError:
        return "basic"
    return "live"


def source(scripts: tuple[str, ...]) -> str:
    """The JavaScript of a widget as one module: what all share, what some share, then its own."""
    return "".join((FOLDER / name).read_text("utf-8") for name in ("common.js", *scripts))


def style() -> str:
    """The style sheet that all widgets share."""
    return (FOLDER / "common.css").read_text("utf-8")


@functools.cache
def _live_class(scripts: tuple[str, ...]) -> type:
    import anywidget
    import traitlets

    class Live(anywidget.AnyWidget):
        _esm, _css = source(scripts), style()
        config = traitlets.Dict().tag(sync=True)
        data = traitlets.Bytes().tag(sync=True)
        state = traitlets.Dict().tag(sync=True)
        log: Any = traitlets.List().tag(sync=True)

    Live.__qualname__ = Live.__name__ = Path(scripts[-1]).stem
    return Live


def layout(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Where each array of `pack` lies: {name: {offset, shape, dtype}}."""
    found, offset = {}, 0
    for name, array in arrays.items():
        if array.dtype.name not in ("float32", "float16", "uint8", "uint16", "int32"):
            raise TypeError(
                f"{name} is {array.dtype}; the browser reads float32, float16, uint8, uint16, int32."
            )
        found[name] = {"offset": offset, "shape": list(array.shape), "dtype": array.dtype.name}
        offset += -(-array.nbytes // 4) * 4  # typed arrays begin at multiples of their size
    return found


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """All arrays behind each other, little-endian, each at a multiple of four bytes."""
    parts = []
    for array in arrays.values():
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        parts.append(data + b"\0" * (-len(data) % 4))
    return b"".join(parts)


def as_json(value: Any) -> str:
    """JSON that can stand inside a script of a page."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")

"""How a run shows itself: one line in a terminal, one live figure in a notebook, or nothing."""

from __future__ import annotations

import io
import sys
import time


def pick(show: bool, name: str, total: int, batch_size: int, stuck_values: dict[str, float]) -> Silent:
    """The display for this place: a figure under Jupyter, a tqdm line elsewhere, nothing if not show."""
    if not show:
        return Silent()
    return (NotebookFigure if in_notebook() else TerminalLine)(name, total, batch_size, stuck_values)


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel, which can show a picture and change it later."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and getattr(shell, "kernel", None) is not None


class Silent:
    """Shows nothing, and is the list of what a display can be told."""

    def start(self, place: int) -> None:
        """Training begins at this place of the schedule."""

    def note(self, sentence: str) -> None:
        """Something the reader should know."""

    def update(self, watch, place: int) -> None:
        """A step ended; `watch.rows` is the history so far."""

    def close(self) -> None:
        """No more steps come, whether the run ended well or not."""

    def finish(self, run) -> None:
        """`run` is what `fit` returns."""


class Progress(Silent):
    """What both displays share: the speed over the last seconds, as words."""

    def __init__(self, name: str, total: int, batch_size: int, stuck_values: dict[str, float]):
        self.name, self.total, self.batch_size, self.stuck_values = name, total, batch_size, stuck_values
        self.notes: list[str] = []
        self._first = (0, time.monotonic())

    def start(self, place: int) -> None:
        """Remembers where and when this sitting began."""
        self._first = (place, time.monotonic())

    def words(self, rows, place: int) -> tuple[str, str, str]:
        """Loss, images/s and time left, each as a phrase."""
        spent = max(time.monotonic() - self._first[1], 1e-9)
        done = max(place - self._first[0], 1)
        recent = rows[-20:]
        pace = (recent[-1][1] - recent[0][1]) / (len(recent) - 1) if len(recent) > 1 else spent / done
        left = spent / done * (self.total - place)
        losses = [row[2] for row in recent if row[2] == row[2]]
        loss = f"loss {sum(losses) / len(losses):.3f}" if losses else "loss ..."
        return loss, f"{self.batch_size / max(pace, 1e-9):,.0f} images/s", f"{_clock(left)} left"


class TerminalLine(Progress):
    """One tqdm line on stderr."""

    def start(self, place: int) -> None:
        """Opens the line."""
        from tqdm import tqdm

        super().start(place)
        form = "{desc} {percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt} steps{postfix}"
        self.bar = tqdm(
            total=self.total, initial=place, desc=self.name, bar_format=form, mininterval=0.2, file=sys.stderr
        )

    def note(self, sentence: str) -> None:
        """Writes the sentence above the line."""
        from tqdm import tqdm

        tqdm.write(f"fit: {sentence}", file=sys.stderr)

    def update(self, watch, place: int) -> None:
        """Moves the line."""
        self.bar.set_postfix_str(", ".join(self.words(watch.rows, place)), refresh=False)
        self.bar.update(place - self.bar.n)

    def close(self) -> None:
        """Leaves the line as it is."""
        if hasattr(self, "bar"):
            self.bar.close()


class NotebookFigure(Progress):
    """One picture, drawn anew about every two seconds, that stays as the static learning curve.

    Its text form is constant, so that a notebook run twice has the same text. The picture carries alt text.
    """

    every = 2.0

    def start(self, place: int) -> None:
        """Shows the empty picture."""
        from IPython.display import display

        super().start(place)
        self._handle = display(self._bundle(None), raw=True, display_id=True)
        self._next = time.monotonic() + 0.5

    def note(self, sentence: str) -> None:
        """Keeps the sentence for the picture."""
        self.notes.append(sentence)

    def update(self, watch, place: int) -> None:
        """Draws when the last picture is old enough; never more than 3 % of the time."""
        now = time.monotonic()
        if now < self._next:
            return
        loss, speed, left = self.words(watch.rows, place)
        percent = f"{100 * place / self.total:.0f} %"
        self._show(_frame(watch.rows), f"{self.name}: {percent}, {loss}, {speed}, {left}")
        self._next = time.monotonic() + max(self.every, 30 * (time.monotonic() - now))

    def finish(self, run) -> None:
        """Draws the picture that stays."""
        if hasattr(self, "_handle"):
            self._show(run.history, "" if run.status == "finished" else f"{self.name}: {run.status}")

    def _show(self, history, title: str) -> None:
        from course_lib.training.curve import learning_curve

        figure = learning_curve(
            history, self.stuck_values, self.name, title, "\n".join(self.notes[-2:]), self.total
        )
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        self._handle.update(self._bundle(picture.getvalue()), raw=True, metadata=self._metadata())

    def _alt(self) -> str:
        lines = ", ".join(self.stuck_values) or "none"
        return f"Learning curve of {self.name}: loss against step; dashed where nothing is learned: {lines}."

    def _metadata(self) -> dict:
        return {"image/png": {"alt": self._alt()}}

    def _bundle(self, png: bytes | None) -> dict:
        from base64 import b64encode

        bundle = {"text/plain": self._alt()}
        return bundle if png is None else {**bundle, "image/png": b64encode(png).decode()}


def _frame(rows):
    import pandas

    from course_lib.training.watch import COLUMNS

    return pandas.DataFrame(rows, columns=COLUMNS)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

"""Quizzes and votes with ipywidgets' own buttons, for places where anywidget cannot run."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.viz.figures import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def turns(
    total: int,
    choices: Mapping[str, Any],
    answered: Callable[[], int],
    shown: Callable[[int, bool], Figure],
    ask: Callable[[int], str],
    take: Callable[[int, Any, int], str],
    undo: Callable[[], str] | None = None,
) -> Any:
    """A box: a picture, one button per choice, "Next" after an answer, and all that is said in words.

    total: turns. choices: {label: value}. answered(): turns with an answer so far, counted from the log, so
    that a second box of the same view goes on where the first one is. shown(turn, done): the picture.
    ask(turn): the question in words. take(turn, value, milliseconds): logs an answer, returns what is said.
    undo(): takes the last answer back, returns what is said.
    """
    import ipywidgets

    picture, words = ipywidgets.Image(format="png"), ipywidgets.HTML()
    wide = ipywidgets.Layout(width="auto")
    buttons = [ipywidgets.Button(description=label, layout=wide) for label in choices]
    onward, back = (ipywidgets.Button(description=label, layout=wide) for label in ("Next", "Undo"))
    turn, done, began = min(answered(), total - 1), answered() >= total, time.perf_counter()

    def draw(said: str) -> None:
        picture.value = png(shown(turn, done))
        words.value = f'<p role="status">{html.escape(said)}</p>'
        for button in buttons:
            button.disabled = done
        onward.disabled = not done or turn + 1 >= total
        back.disabled = not answered()

    def begin(said: str = "") -> None:
        nonlocal turn, done, began
        turn, done, began = min(answered(), total - 1), False, time.perf_counter()
        draw(f"{said} {ask(turn)}".strip())

    def choose(value: Any) -> None:
        nonlocal done
        done = True
        if answered() > turn:  # in another box of this view
            draw(f"{turn + 1} of {total} has its answer already.")
            return
        said = take(turn, value, round(1000 * (time.perf_counter() - began)))
        draw(f"{said} That was the last one." if turn + 1 >= total else said)

    def take_back() -> None:
        if undo is not None and answered():
            begin(undo())

    for button, value in zip(buttons, choices.values(), strict=True):
        button.on_click(lambda _, value=value: choose(value))
    onward.on_click(lambda _: begin())
    back.on_click(lambda _: take_back())
    draw("All turns have their answers." if done else ask(turn))
    row = [*buttons, onward, *([back] if undo is not None else [])]
    return ipywidgets.VBox([picture, ipywidgets.HBox(row, layout=ipywidgets.Layout(flex_flow="wrap")), words])


def quiz(view: Any, names: Sequence[str], question: str, more: Mapping[str, Any] | None = None) -> Any:
    """A quiz with one answer a round: `names` to choose from; `view.figure(first=, solution=)` draws a round.

    question: what is asked, in words. more: entries of the log that this quiz has beside the others'.
    """
    records, log = view.config["rounds"], view._log
    total = len(records)

    def rows() -> list[dict[str, Any]]:
        return [entry for entry in log if entry.get("right") is not None]

    def take(turn: int, index: int, milliseconds: int) -> str:
        truth, model = records[turn]["truth"], records[turn]["model"]
        entry = {"round": turn + 1, "mode": "choose", "answer": names[index], "truth": names[truth]}
        entry |= {"right": int(index == truth), "of": 1}
        entry |= {"model_answer": None, "model_right": None}
        if model is not None:
            entry |= {"model_answer": names[model], "model_right": int(model == truth)}
        log.append(entry | {"colors": view.state["colors"], **(more or {}), "milliseconds": milliseconds})
        view._state["round"] = turn
        said = "Right" if index == truth else f"Wrong: you chose {names[index]}"
        said += f"; the answer is {names[truth]}."
        if model is not None:
            said += f" The model chose {names[model]}: {'right' if model == truth else 'wrong'}."
        return f"{said} So far: {score()}."

    def score() -> str:
        found = [f"you {sum(row['right'] for row in rows())} of {len(rows())}"]
        if all(row["model_right"] is not None for row in rows()):
            found.append(f"model {sum(row['model_right'] for row in rows())} of {len(rows())}")
        return "; ".join([*found, f"chance {100 / len(names):.3g} %"])

    return turns(
        total,
        {name: index for index, name in enumerate(names)},
        lambda: len(rows()),
        lambda turn, done: view.figure(1, solution=done, first=turn),
        lambda turn: f"Round {turn + 1} of {total}: {question}",
        take,
    )

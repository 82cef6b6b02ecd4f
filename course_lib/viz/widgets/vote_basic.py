"""PairwiseVote with ipywidgets' own buttons, for places where anywidget cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.viz.widgets.basic_turns import turns

if TYPE_CHECKING:
    from course_lib.viz.widgets.pairwise_vote import PairwiseVote

SIDES = {"Left is better": "left", "Right is better": "right", "Tie": "tie", "Both bad": "both bad"}


def controls(view: PairwiseVote) -> Any:
    """The pair as a picture, a button for each verdict, Next and Undo; the log is as the live widget's."""
    log, total = view._log, len(view.battles)

    def names(battles: list[int]) -> str:
        """Say who gave the answers, and write down that it was said."""
        for battle in battles:
            if not seen(battle):
                log.append({"event": "names", "battle": battle})
        told = (f"{view.battles[battle][1]} (left), {view.battles[battle][2]} (right)" for battle in battles)
        return "; ".join(f"pair {battle + 1}: {pair}" for battle, pair in zip(battles, told, strict=True))

    def seen(battle: int) -> bool:
        return any(entry["event"] == "names" and entry["battle"] == battle for entry in log)

    def take(battle: int, side: str, milliseconds: int) -> str:
        question = view.config["battles"][battle]["question_id"]
        entry = {"event": "vote", "battle": battle, "question_id": question, "side": side}
        entry |= {
            "winner": view.config["winners"][side],
            "anony": not seen(battle),
            "milliseconds": milliseconds,
        }
        log.append(entry)
        said = f"Vote {battle + 1} of {total}: {next(words for words, s in SIDES.items() if s == side)}."
        if view.reveal == "each":
            return f"{said} The names: {names([battle])}."
        if view.reveal == "end" and battle + 1 == total:
            return f"{said} The names: {names(list(range(total)))}."
        return said

    def undo() -> str:
        battle = view.standing()[-1]["battle"]
        log.append({"event": "undo", "battle": battle})
        late = "; its names have been shown, so the next one is logged as not anonymous"
        return f"Vote {battle + 1} is taken back{late if seen(battle) else ''}."

    return turns(
        total,
        SIDES,
        lambda: len(view.standing()),
        lambda battle, _: view.figure(battle),
        lambda battle: f"Question {battle + 1} of {total}: which answer is better?",
        take,
        undo,
    )

"""PairwiseVote: two answers to one question, without names. Which is better?"""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from course_lib.data import as_float
from course_lib.viz.contrastive_figures import panels, with_alt
from course_lib.viz.picture_panels import bare, counted, headline, picture, pictures
from course_lib.viz.widgets import vote_basic
from course_lib.viz.widgets.batches import as_bytes
from course_lib.viz.widgets.view import View

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

REVEAL = ("each", "end", "never")
# what is pressed -> FastChat's word for it; model_a is on the left
WINNERS = {"left": "model_a", "right": "model_b", "tie": "tie", "both bad": "tie (bothbad)"}
COLUMNS = ["question_id", "model_a", "model_b", "winner", "side", "anony", "milliseconds"]


class PairwiseVote(View):
    """Votes between two anonymous answers side by side, as in Chatbot Arena (arXiv:2403.04132).

        item = {"question": "What is it?", "image": image, "answers": {"A": "An egg.", "B": "Soup."}}
        vote = PairwiseVote([item])
        vote.votes()  # when some are in: battles for a rating

    items: dicts with question, answers {model: text}, and if there are any, image (3, H, W), uint8 or in
    [0, 1], and id. Of more than two answers every pair is voted on. shuffle: the order of the questions and
    the sides are drawn from `seed`; False leaves both as given, the first answer left. reveal: when the names
    are shown, after "each" vote, at the "end", or "never".

    Answers are shown as plain text, whatever is in them. log: what happened, one row for each event "vote",
    "undo" and "names" (shown); rows of votes have model_a (left), model_b (right), winner, question_id, side,
    anony (False: names of this pair had been shown before) and milliseconds.

    What a curious student could find: with a kernel, names travel only when they are shown, and never with
    reveal="never"; who knows `items` and `seed` can draw the sides again. A page of `save_html` holds the
    names, coded but not locked, unless reveal="never".

    Raises TypeError or ValueError in a sentence for items without question or two answers, a picture that is
    none, and another reveal.
    """

    script = "pairwise_vote.js"
    title = "Which answer is better?"

    def __init__(
        self,
        items: Iterable[Mapping[str, Any]],
        shuffle: bool = True,
        seed: int = 0,
        reveal: str = "each",
    ):
        if reveal not in REVEAL:
            raise ValueError(f'PairwiseVote: reveal is "{reveal}"; choose one of {", ".join(REVEAL)}.')
        self.items, self.reveal = list(items), reveal
        if not self.items:
            raise ValueError("PairwiseVote: items is empty; give at least one question with two answers.")
        arrays = {}
        for number, item in enumerate(self.items):
            check(item, number)
            if item.get("image") is not None:
                shown = pictures(item["image"], f"PairwiseVote: the image of item {number}")
                arrays[f"image{number}"] = as_bytes(as_float(torch.as_tensor(shown)))
        self.battles = self._draw(shuffle, np.random.default_rng(seed))
        records = [self._record(battle) for battle in self.battles]
        config = {"reveal": reveal, "winners": WINNERS, "battles": records}
        pairs, questions = len(self.battles), len(self.items)
        text = (
            f"{counted(pairs, 'pair')} of anonymous answers to {counted(questions, 'question')}. "
            f"First {in_words(records[0])}"
        )
        super().__init__(config, arrays, text)

    def _draw(self, shuffle: bool, random: np.random.Generator) -> list[tuple[int, str, str]]:
        """(item, name on the left, name on the right) of each vote, in the order in which they come."""
        battles = [
            (number, *pair)
            for number, item in enumerate(self.items)
            for pair in itertools.combinations(item["answers"], 2)
        ]
        if not shuffle:
            return battles
        turned = random.random(len(battles)) < 0.5
        battles = [(n, b, a) if turn else (n, a, b) for (n, a, b), turn in zip(battles, turned, strict=True)]
        return [battles[place] for place in random.permutation(len(battles))]

    def _id(self, number: int) -> Any:
        return self.items[number].get("id", number)

    def _record(self, battle: tuple[int, str, str]) -> dict[str, Any]:
        """What the browser knows of one vote: no names."""
        number, left, right = battle
        item = self.items[number]
        known = {"item": number, "question_id": self._id(number), "question": item["question"]}
        return known | {"left": item["answers"][left], "right": item["answers"][right]}

    def answer(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The names of one pair, [left, right] as JSON in UTF-8. Raises ValueError if they stay secret."""
        if self.reveal == "never":
            raise ValueError('The names are not shown: reveal is "never".')
        number = int(request["battle"])
        if not 0 <= number < len(self.battles):
            raise ValueError(f"PairwiseVote: battle is {number}; there are {len(self.battles)}, from 0.")
        names = json.dumps(self.battles[number][1:], ensure_ascii=False).encode()
        return {"names": np.frombuffer(names, dtype=np.uint8)}

    def every_request(self) -> list[dict[str, Any]]:
        """The names of each pair, unless they stay secret."""
        return [] if self.reveal == "never" else [{"battle": n} for n in range(len(self.battles))]

    @property
    def log(self) -> list[dict[str, Any]]:
        """What the user did, oldest first; names are put in here, the browser need not know them."""
        return [self._named(entry) for entry in super().log]

    def _named(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        if entry.get("event") != "vote":
            return dict(entry)
        number, left, right = self.battles[int(entry["battle"])]
        names = {"model_a": left, "model_b": right, "winner": WINNERS[entry["side"]]}
        return dict(entry) | {"question_id": self._id(number)} | names

    def standing(self) -> list[dict[str, Any]]:
        """The votes of the log that were not taken back, oldest first."""
        kept: list[dict[str, Any]] = []
        for entry in self.log:
            if entry.get("event") == "vote":
                kept.append(entry)
            elif entry.get("event") == "undo" and kept:
                kept.pop()
        return kept

    def votes(self, rows: Sequence[Mapping[str, Any]] | pandas.DataFrame | None = None) -> pandas.DataFrame:
        """The votes that count, one row each, as FastChat's battles: model_a, model_b, winner and more.

        winner: model_a (left), model_b (right), tie, tie (bothbad). A vote taken back does not count.
        rows: of a file that a saved page wrote ("Save votes", read with pandas), to put the names in; needs
        its columns battle and side. Raises ValueError for rows of other votes.
        """
        import pandas

        if rows is None:
            kept = self.standing()
        else:
            given = rows.to_dict("records") if isinstance(rows, pandas.DataFrame) else list(rows)
            for row in given:
                if row.get("side") not in WINNERS or not 0 <= int(row.get("battle", -1)) < len(self.battles):
                    raise ValueError(
                        f"votes: a row is {dict(row)}; battle from 0 to {len(self.battles) - 1} and side of "
                        f"{', '.join(WINNERS)} are needed, as these items' page saves them."
                    )
            kept = [self._named({**row, "event": "vote"}) for row in given]
        return pandas.DataFrame(
            [{column: row.get(column) for column in COLUMNS} for row in kept], columns=COLUMNS
        )

    def basic(self) -> Any:
        """The vote with a button a verdict."""
        return vote_basic.controls(self)

    def figure(self, number: int = 0) -> Figure:
        """One pair (by default the first): question, image and both answers, without names."""
        record = self.config["battles"][number]
        image = self.arrays.get(f"image{record['item']}")
        figure, axes = panels(2 if image is None else 3, 1, 3.8, 2.0 if image is None else 3.4, squeeze=False)
        if image is not None:
            picture(axes[0, 0], image)
        for axis, side in zip(axes[0, -2:], ("left", "right"), strict=True):
            bare(axis, side.capitalize(), size=14)
            axis.spines[:].set_visible(True)
            text = textwrap.fill(cut(record[side], 130 if image is None else 280), 30)
            axis.text(0.05, 0.95, plain(text), fontsize=12, va="top", transform=axis.transAxes)
        headline(figure, plain(cut(record["question"], 160)))
        words = f"Pair {number + 1} of {len(self.battles)}: {in_words(record)}"
        return with_alt(figure, words if number else self.alt_text)


def check(item: Any, number: int) -> None:
    """Raise TypeError or ValueError for an item that is no question with two answers or more."""
    given = f"PairwiseVote: item {number}"
    if not isinstance(item, Mapping) or not isinstance(item.get("answers"), Mapping):
        raise TypeError(f"{given} is {item!r:.80}; give a dict with question and answers {{model: text}}.")
    if not isinstance(item.get("question"), str) or not item["question"].strip():
        raise ValueError(f"{given} has no question; give it as text.")
    texts = item["answers"]
    if len(texts) < 2 or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(
            f"{given} has the answers {dict(texts)!r:.80}; give two texts or more, {{model: text}}."
        )
    if not isinstance(item.get("id", number), str | int):
        raise TypeError(
            f"{given} has an id of type {type(item['id']).__name__}; give a string or an integer."
        )


def in_words(record: Mapping[str, Any]) -> str:
    """One pair without names: its question and both answers."""
    question, left, right = (cut(record[key], 240) for key in ("question", "left", "right"))
    return f'question: "{question}" The answer on the left is "{left}", the one on the right "{right}".'


def cut(text: str, width: int) -> str:
    """At most `width` letters of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 2] + " …"


def plain(text: str) -> str:
    """Text in which Matplotlib finds no formula."""
    return text.replace("$", r"\$")

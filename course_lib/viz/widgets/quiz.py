"""What the quizzes "you against the model" share: pictures by lot, the model's scores, the score board."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data import as_float
from course_lib.methods.base import Method
from course_lib.models.running import in_eval_mode
from course_lib.viz.picture_panels import pictures

if TYPE_CHECKING:
    import pandas

WHO = ("you", "model")


class NoEncoder(nn.Module):
    """Stands for the encoder in a pretext task that is only asked for its puzzles."""

    width = 1


def puzzle_maker(task: type[Method], options: Mapping[str, Any]) -> Any:
    """A pretext method without an encoder: it makes puzzles and cannot solve them.

    The draws that fill its unused head are taken back, so the caller's random numbers stay as they were.
    """
    with torch.random.fork_rng(devices=[]):
        return task(NoEncoder(), **options)


def task_of(name: str, model: Any, kind: type[Method], options: Mapping[str, Any], asked: str) -> Any:
    """The method that makes the puzzles: the model itself, or one without encoder made from the options.

    Raises TypeError for a model that is neither a `kind` nor a function, ValueError for options beside a
    method, which brings its own. asked: what a function is called with, for the sentence.
    """
    if isinstance(model, kind):
        if options:
            raise ValueError(
                f"{name}: {', '.join(options)} was given beside a {kind.__name__}, which makes the puzzles "
                "as it was trained; leave the options out."
            )
        return model
    if model is not None and (isinstance(model, Method) or not callable(model)):
        raise TypeError(
            f"{name}: model is a {type(model).__name__}; give a {kind.__name__}, a function {asked}, or None."
        )
    return puzzle_maker(kind, options)


def drawn_images(name: str, images: Any, rounds: int, generator: torch.Generator) -> Tensor:
    """`rounds` different ones of images (N, 3, H, W), uint8 or in [0, 1], as floats on the CPU.

    Raises ValueError for fewer images than rounds, or no picture.
    """
    given = getattr(images, "images", images)  # an ImageSet, or the images themselves
    given = np.stack([np.asarray(one) for one in given]) if isinstance(given, list | tuple) else given
    count = len(given)
    if not isinstance(rounds, int) or not 1 <= rounds <= count:
        raise ValueError(
            f"{name}: rounds is {rounds} and there are {count} images; every round needs an image of its "
            "own, and there must be at least one."
        )
    picked = torch.randperm(count, generator=generator)[:rounds].numpy()
    given = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    taken = pictures(np.asarray(given[picked]), f"{name}: images", "(images, 3, height, width)")
    return as_float(torch.as_tensor(taken)).clamp(0, 1)


def scores_of(name: str, ask: Callable[[], Any], model: Any, shape: tuple[int, int]) -> Tensor:
    """What a model says, (rounds, answers) on the CPU. Raises ValueError for other shapes and NaN."""
    with in_eval_mode(model), torch.no_grad():
        scores = torch.as_tensor(ask()).detach().float().cpu()
    if tuple(scores.shape) != shape or bool(scores.isnan().any()):
        raise ValueError(
            f"{name}: the model gave scores of shape {tuple(scores.shape)}; {shape} without NaN is needed, "
            "one number per round and possible answer."
        )
    return scores


def check_rounds(name: str, rounds: int, first: int, of: int) -> None:
    """ValueError unless `rounds` rounds from number `first` on are among the `of` that there are."""
    if not 0 <= first < of or not 1 <= rounds <= of - first:
        start = f" from number {first}" if first else ""
        raise ValueError(f"{name}: rounds is {rounds}{start}; there are {of}.")


def wilson(right: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share of right answers, 0 to 1 (Wilson 1927; no continuity correction).

    It also holds for few answers and for shares near 0 and 1, where "plus minus two standard errors" leaves
    [0, 1]. Raises ValueError unless 0 <= right <= of and of >= 1.
    """
    from scipy.stats import binomtest

    if not 0 <= right <= of or of < 1:
        raise ValueError(f"wilson: {right} right of {of}; 0 <= right <= of and of >= 1 are needed.")
    interval = binomtest(int(right), int(of)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def score_table(log: Sequence[Mapping[str, Any]], chances: Mapping[str, float]) -> pandas.DataFrame:
    """One row per mode and player: right, of, share and its 95 % interval, from a quiz's log.

    chances: {mode: share of right answers by guessing}; guessing has no interval, nobody guessed.
    A mode without an answer is left out, and so is the model where there is none.
    """
    import pandas

    rows = []
    for mode, chance in chances.items():
        answers = [entry for entry in log if entry.get("mode") == mode and entry.get("right") is not None]
        if not answers:
            continue
        for who, key in zip(WHO, ("right", "model_right"), strict=True):
            if any(entry.get(key) is None for entry in answers):
                continue
            right, of = (sum(int(entry[part]) for entry in answers) for part in (key, "of"))
            low, high = wilson(right, of)
            rows.append({"mode": mode, "who": who, "right": right, "of": of, "share": right / of})
            rows[-1] |= {"low": low, "high": high}
        rows.append({"mode": mode, "who": "chance", "share": chance})
    columns = ["mode", "who", "right", "of", "share", "low", "high"]
    return pandas.DataFrame(rows, columns=columns)

"""Bradley-Terry on 1,000,000 battles of 100 models, with intervals: ours, arena-rank, evalica.

Run: python benchmarks/arena.py [--battles 1000000] [--rounds 5]
Needs: pip install evalica jax==0.8.1 jaxtyping optax && pip install --no-deps arena-rank==0.1.1
(arena-rank pins a NumPy of its own, which it does not need)

Every candidate starts from the same DataFrame of names and ends with ratings by model, through its documented
entry points: arena-rank's PairDataset.from_pandas and BradleyTerry, evalica's bradley_terry and bootstrap.
arena-rank spreads its bootstrap over processes, whose processor time is not seen from here: wall time counts.
Both others take minutes for 100 rounds (evalica resamples the rows, arena-rank compiles every fit anew): they
run 10, which are counted ten times.
Before the clock runs, the ratings of all three are compared, and the standard errors of both bootstraps.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import tracemalloc
from pathlib import Path

import evalica
import numpy as np
import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset
from harness import RESULTS, Candidate, compare, machine, times_as_long

from course_lib.arena.battles import pairs
from course_lib.arena.ratings.bradley_terry import bradley_terry
from course_lib.arena.ratings.intervals import multinomial_bootstrap, percentiles, sandwich
from course_lib.arena.ratings.ranking import elo_errors, elo_rounds
from course_lib.arena.ratings.scale import elo_scale
from course_lib.arena.ratings.simulation import simulate
from course_lib.files import write_whole

MODELS, RESAMPLES, FEWER = 100, 100, 10
OURS = "course_lib"
WINNERS = {
    "model_a": evalica.Winner.X, "model_b": evalica.Winner.Y,
    "tie": evalica.Winner.Draw, "tie (bothbad)": evalica.Winner.Draw,
}  # fmt: skip


def table(battles: int) -> pd.DataFrame:
    """Battles of 100 models whose ratings spread over about 600 points; text columns as pandas reads them."""
    strengths = np.exp(np.random.default_rng(0).normal(0, 0.8, MODELS))
    index = [f"model-{number:03d}" for number in range(MODELS)]
    drawn = simulate(pd.Series(strengths, index), battles, ties=0.6)
    return drawn[["model_a", "model_b", "winner"]].astype("str")


def ours_fit(battles: pd.DataFrame) -> pd.Series:
    return elo_scale(bradley_terry(battles))


def ours_bootstrap(battles: pd.DataFrame) -> pd.DataFrame:
    ratings, rounds = ours_fit(battles), elo_rounds(multinomial_bootstrap(battles, RESAMPLES))
    return percentiles(rounds).assign(rating=ratings, error=rounds.std())


def ours_sandwich(battles: pd.DataFrame) -> pd.DataFrame:
    ratings, error = ours_fit(battles), elo_errors(sandwich(battles))
    return pd.DataFrame({"rating": ratings, "low": ratings - 1.96 * error, "high": ratings + 1.96 * error})


def arena_rank_fit(battles: pd.DataFrame) -> pd.Series:
    data = PairDataset.from_pandas(battles)
    model = BradleyTerry(n_competitors=data.n_competitors)
    ratings = np.asarray(model.fit(data).params["ratings"]) * model.alpha
    return pd.Series(ratings - ratings.mean() + 1000, index=data.competitors)


def arena_rank_intervals(battles: pd.DataFrame, method: str) -> pd.DataFrame:
    data = PairDataset.from_pandas(battles)
    model = BradleyTerry(n_competitors=data.n_competitors)
    found = model.compute_ratings_and_cis(data, ci_method=method, num_bootstrap=FEWER)
    names = {"rating": "ratings", "low": "rating_lower", "high": "rating_upper", "variance": "variances"}
    columns = {ours: np.asarray(found[theirs]) for ours, theirs in names.items()}
    return pd.DataFrame(columns, index=found["competitors"])


def evalica_fit(battles: pd.DataFrame) -> pd.Series:
    winners = battles["winner"].map(WINNERS)
    scores = evalica.bradley_terry(battles["model_a"], battles["model_b"], winners).scores
    return elo_scale(scores / scores.sum())


def evalica_bootstrap(battles: pd.DataFrame) -> pd.DataFrame:
    found = evalica.bootstrap(
        evalica.bradley_terry, battles["model_a"], battles["model_b"], battles["winner"].map(WINNERS),
        n_resamples=FEWER, bootstrap_method="percentile", random_state=0,
    )  # fmt: skip
    return pd.DataFrame({"low": found.low, "high": found.high})


def same_result(battles: pd.DataFrame) -> dict[str, float]:
    """Largest distance of the ratings from ours, in points, and the ratio of the standard errors."""
    ours, drawn = ours_fit(battles), ours_bootstrap(battles)
    theirs = arena_rank_intervals(battles, "bootstrap")
    spread = np.sqrt(theirs["variance"] * FEWER / (FEWER - 1))  # theirs divides by the number of rounds
    ratio = spread.mean() / drawn["error"].mean()
    distance = {
        name: float((fit(battles)[ours.index] - ours).abs().max())
        for name, fit in (("arena-rank", arena_rank_fit), ("evalica", evalica_fit))
    }
    if max(distance.values()) > 0.5 or not 0.8 < ratio < 1.25:
        raise AssertionError(f"not the same result: points {distance}, standard errors {ratio:.2f}")
    return {**distance, "standard errors, arena-rank over ours": float(ratio)}


def peak_megabytes(battles: pd.DataFrame) -> float:
    """Most memory that counting and fitting take on top of the table."""
    tracemalloc.start()
    try:
        bradley_terry(battles)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main(battles: int = 1_000_000, rounds: int = 5, results: Path = RESULTS) -> str:
    """Run all comparisons, write results/arena.json and arena.md, return the table."""
    data = table(battles)
    distances = same_result(data)
    memory = {len(part): peak_megabytes(part) for part in (data.iloc[: battles // 4], data)}
    tasks = {
        "ratings": {
            OURS: lambda: ours_fit(data), "arena-rank": lambda: arena_rank_fit(data),
            "evalica": lambda: evalica_fit(data),
        },
        f"ratings and a bootstrap of {RESAMPLES} rounds": {
            OURS: lambda: ours_bootstrap(data),
            "arena-rank": Candidate(
                lambda: arena_rank_intervals(data, "bootstrap"), work=FEWER / RESAMPLES
            ),
            "evalica": Candidate(lambda: evalica_bootstrap(data), work=FEWER / RESAMPLES),
        },
        "ratings and the sandwich": {
            OURS: lambda: ours_sandwich(data), "arena-rank": lambda: arena_rank_intervals(data, "sandwich"),
        },
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        reports = [
            compare(task, these, reference=OURS, rounds=rounds, warmup=1, results=Path(scratch))
            for task, these in tasks.items()
        ]
    written = {
        "name": "arena", "battles": battles, "models": MODELS, "pairs": len(pairs(data).first),
        "same_result": distances, "peak_megabytes": memory, "reports": reports,
    }  # fmt: skip
    text = markdown(written)
    write_whole(results / "arena.json", json.dumps(written, indent=1) + "\n")
    write_whole(results / "arena.md", text)
    return text


def markdown(written: dict) -> str:
    """One line per task: seconds of ours, and how many times as long the others take, wall time."""
    here, reports = machine(), written["reports"]
    loads = [load for report in reports for load in report["load_before_and_after"]]
    distances = written["same_result"]
    memory = "; ".join(f"{rows:,} battles {most:.0f} MB" for rows, most in written["peak_megabytes"].items())
    lines = [
        "# arena", "",
        f"{written['battles']:,} battles of {written['models']} models ({written['pairs']:,} pairs), from a "
        f"DataFrame of names to ratings. {here['processor']}, {here['cores']} cores, "
        f"{reports[0]['rounds']} interleaved rounds, load {min(loads):.1f} to {max(loads):.1f}. Wall time "
        "over that of course_lib in the same round, median (min to max); above 1 means that course_lib is "
        f"faster. The others run {FEWER} rounds of the bootstrap, counted as {RESAMPLES}.", "",
        f"Ratings agree to {distances['arena-rank']:.4f} points (arena-rank) and {distances['evalica']:.4f} "
        f"(evalica). Memory of course_lib beside the table: {memory}.", "",
        "| task | course_lib, seconds | others, times as long |", "|---|---:|---|",
    ]  # fmt: skip
    for report in reports:
        rows = {row["name"]: row for row in report["rows"]}
        seconds = 1 / rows[OURS]["calls_per_wall_second"]["median"]
        others = times_as_long(report, "wall_ratio")
        lines.append(f"| {report['name']} | {seconds:.2f} | {others} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # for arena-rank's pool: a fork of a process that has threads may hang
    multiprocessing.set_start_method("forkserver")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--battles", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(main(options.battles, options.rounds))

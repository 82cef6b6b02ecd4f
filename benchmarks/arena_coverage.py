"""How often 95 % intervals of simulated arenas hold the truth, resampled by battle and by question.

Run: python benchmarks/arena_coverage.py [--runs 1000]

Two kinds of data from six models of known strengths, a quarter of the battles between equals tied. "battles":
600 battles, each a draw of its own. "questions": 3,000 battles on 150 questions, twenty a question, where a
question decides 0.6 of the variance of a battle. An interval covers when it holds the true log strength (of
mean 0); the share is taken over runs and models, its standard error over runs.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd
from harness import RESULTS, machine

from course_lib.arena.ratings.bradley_terry import bradley_terry
from course_lib.arena.ratings.intervals import multinomial_bootstrap, percentiles, sandwich
from course_lib.arena.ratings.ranking import normal_quantile
from course_lib.arena.ratings.simulation import simulate
from course_lib.files import write_whole

TRUTH = np.log(pd.Series([0.30, 0.25, 0.18, 0.13, 0.09, 0.05], index=list("abcdef")))
TRUTH -= TRUTH.mean()
DATA = {
    "battles": {"battles": 600, "questions": 1, "question_effect": 0.0},
    "questions": {"battles": 3000, "questions": 150, "question_effect": 0.6},
}
UNITS = {"battles": {"battle": None}, "questions": {"battle": None, "question": "question"}}


def intervals(battles: pd.DataFrame, unit: str | None, rounds: int, seed: int) -> dict[str, pd.DataFrame]:
    """Both 95 % intervals of the centred log strengths: method -> columns low, high by model."""
    centre = np.log(bradley_terry(battles))
    centre -= centre.mean()
    covariance = sandwich(battles, unit=unit)
    half = normal_quantile(0.95) * pd.Series(np.sqrt(np.diag(covariance)), index=covariance.index)
    drawn = np.log(multinomial_bootstrap(battles, rounds, unit=unit, seed=seed))
    return {
        "sandwich": pd.DataFrame({"low": centre - half, "high": centre + half}),
        "bootstrap": percentiles(drawn.sub(drawn.mean(axis=1), axis=0)),
    }


def coverage(runs: int = 1000, rounds: int = 200) -> pd.DataFrame:
    """Rows (data, unit, method): share covered over models and runs, of worst and best model, mean width."""
    found: dict[tuple[str, str, str], list] = {}
    for run in range(runs):
        for data, options in DATA.items():
            battles = simulate(np.exp(TRUTH), ties=0.5, seed=run, **options)
            for unit, column in UNITS[data].items():
                for method, ends in intervals(battles, column, rounds, run).items():
                    ends = ends.loc[TRUTH.index]
                    holds = (ends["low"] <= TRUTH) & (ends["high"] >= TRUTH)
                    width = (ends["high"] - ends["low"]).mean()
                    found.setdefault((data, unit, method), []).append((holds.to_numpy(), width))
    rows = {}
    for key, values in found.items():
        holds, widths = np.array([value[0] for value in values]), [value[1] for value in values]
        models = holds.mean(axis=0)
        error = holds.mean(axis=1).std(ddof=1) / np.sqrt(runs)
        rows[key] = [holds.mean(), error, models.min(), models.max(), np.mean(widths)]
    columns = ["covered", "error", "worst_model", "best_model", "width"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.set_axis(pd.MultiIndex.from_tuples(table.index, names=["data", "unit", "method"]))


def main(runs: int = 1000, rounds: int = 200) -> str:
    """Measure, write results/arena_coverage.json and .md, return the table."""
    table = coverage(runs, rounds)
    lines = [
        "# arena_coverage", "",
        f"Share of 95 % intervals that hold the true log strength, over {runs:,} simulated arenas of six "
        f"models; bootstrap with {rounds} rounds. Asked for: 0.93 to 0.97 where the unit is right.", "",
        "| data | resampled by | method | covered | standard error | worst to best model | mean width |",
        "|---|---|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for (data, unit, method), row in table.iterrows():
        lines.append(
            f"| {data} | {unit} | {method} | {row.covered:.3f} | {row.error:.3f} | "
            f"{row.worst_model:.3f} to {row.best_model:.3f} | {row.width:.3f} |"
        )
    rows = table.reset_index().to_dict("records")
    report = {"name": "arena_coverage", "runs": runs, "rounds": rounds, "machine": machine(), "rows": rows}
    write_whole(RESULTS / "arena_coverage.json", json.dumps(report, indent=1) + "\n")
    write_whole(RESULTS / "arena_coverage.md", "\n".join(lines) + "\n")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    print(main(options.runs, options.rounds))

"""Small tables of battles for the tests of the arena."""

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from course_lib.arena.battles import WINNERS

few = settings(max_examples=30, deadline=None)  # a busy machine is no reason to fail


def table(*rows, columns=("model_a", "model_b", "winner")):
    """Rows (model_a, model_b, winner, ...) as battles."""
    return pd.DataFrame(list(rows), columns=list(columns))


def counted(first, second, wins=0, losses=0, ties=0, both_bad=0):
    """Rows for one pair with these counts, seen from first."""
    kinds = zip(WINNERS, (wins, losses, ties, both_bad), strict=True)
    return [(first, second, winner) for winner, count in kinds for _ in range(count)]


def connected(*rows):
    """The rows and a round trip of wins through all their models, so that a maximum exists."""
    models = sorted({row[0] for row in rows} | {row[1] for row in rows})
    cycle = [(a, b, "model_a") for a, b in zip(models, models[1:] + models[:1], strict=True)]
    return table(*rows, *cycle)


names = st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"])
rows = st.tuples(names, names, st.sampled_from(WINNERS)).filter(lambda row: row[0] != row[1])
tables = st.lists(rows, min_size=1, max_size=40).map(lambda drawn: connected(*drawn))

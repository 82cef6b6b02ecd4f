# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   course:
#     lab: 09_benchmarking
#     title: Benchmarking foundation models
#     points: 100
# ---

# %% [markdown]
# # Lab 9 · Benchmarking foundation models
#
# A leaderboard says that one model is better than another. In this lab you write what stands behind such a line: ratings from
# votes, their intervals, a judge's score, agreement, length control, alignment and scaling fits. All of it runs on published
# votes and scores, and you compare your numbers with the printed ones.
#
# | part | you write | points | minutes |
# |---|---|---|---|
# | 1 | a guess, nothing to write | | 4 |
# | 2 | online Elo: one battle (9.1) | 10 | 13 |
# | 3 | Bradley-Terry: all battles at once (9.2) | 15 | 19 |
# | 4 | the bootstrap by question (9.3) | 15 | 20 |
# | 5 | the score of a judge (9.4) | 10 | 14 |
# | 6 | agreement beyond chance (9.5) | 10 | 12 |
# | 7 | length control (9.6) | 15 | 20 |
# | 8 | do two encoders see the same? Mutual k-NN (9.7) | 10 | 14 |
# | 9 | a scaling fit with its interval (9.8) | 15 | 16 |
# | 10 | what you can trust | | 3 |
# | | together | 100 | 135 |
#
# Plan 110 to 135 minutes. Nothing is trained here.
#
# How it works: each exercise has a stub, a check and then a cell that uses your function.
# `check` says what is wrong. `hint("9.1")` gives a first hint; call it again for the next.
# Work from top to bottom: the cells after a stub need your function.
#
# An answer must stand alone. The grader runs only the first code cell and your eight answer cells, in order. So put
# helpers and imports into the answer cell itself; you may call your earlier answers. Use NumPy, but no finished solution
# from `course_lib`, `scipy` or `sklearn`; `check` names what is off limits. Hand in this notebook, saved.

# %% tags=["setup"]
# Run this cell first. Running it again does no harm.
import importlib.util

if (
    importlib.util.find_spec("course_lib") is None
):  # Colab or a bare machine: install the course, leave torch as it is
    import os
    import subprocess
    import sys

    source = os.environ.get("COURSE_SOURCE", "git+https://github.com/your-organisation/ssl-course@main")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from course_lib import viz
from course_lib.arena.published import datasets
from course_lib.lab import check, hint, setup  # noqa: F401

lab = setup("09_benchmarking", trains=False)

# %% [markdown]
# ## 1 · Look first: do people agree?
#
# An **arena** shows a person the answers of two models to the same question, without names. The person votes: left is better,
# right is better, or a tie. One vote is a **battle**. The battles here are real: LLMFAO by Dmitry Ustalov (CC BY 4.0), text
# models, crowd votes. In most arenas each pair of answers gets one vote. Here several people voted on the *same* two answers.

# %% tags=["use"]
crowd = datasets.load("llmfao_crowd")
models = sorted(set(crowd["model_a"]) | set(crowd["model_b"]))
print(
    f"{len(crowd):,} votes by {crowd['voter'].nunique()} people on {crowd['comparison'].nunique():,} pairs of answers: "
    f"{len(models)} models, {crowd['question'].nunique()} questions."
)
crowd.head(5)

# %% [markdown]
# Take the pairs of answers that got exactly five votes. Of 100 such pairs, on how many do all five people agree? Write your guess.

# %% tags=["use", "nbval-ignore-output"]
my_guess = None  # a number from 0 to 100

votes = pd.crosstab(crowd["comparison"], crowd["winner"])
five = votes[votes.sum(axis=1) == 5]
largest = five.max(axis=1)
found = 100 * (largest == 5).mean()
shares = crowd["winner"].value_counts(normalize=True)
by_chance = 100 * (shares**5).sum()
if my_guess is not None:
    print(f"Your guess is {my_guess}, the data say {found:.0f}.")

# %% tags=["figure"]
figure, axis = plt.subplots(figsize=(7, 3))
counts = largest.value_counts().sort_index()
bars = axis.bar(counts.index, counts, color=plt.cm.viridis(np.linspace(0.15, 0.8, len(counts))))
axis.bar_label(bars)
axis.set_xticks(counts.index)
axis.set_xlabel("people of five who gave the most frequent vote")
axis.set_ylabel("pairs of answers")
axis.set_ylim(0, 1.15 * counts.max())
axis.set_title(
    f"Five people agree on {found:.0f} of 100 pairs; votes drawn at random would on {by_chance:.1f}"
)
viz.alt(figure, "Bars: pairs of answers by how many of five people gave the most frequent vote, 2 to 5.")

# %% [markdown]
# Keep both halves of that in mind. People disagree, so one vote says little. And votes on the same two answers are much more alike
# than votes drawn at random, so five such votes say less than five votes on five questions. Part 4 measures how much less.

# %% [markdown]
# ## 2 · Online Elo
#
# Each model has a **rating**. A difference of ratings predicts the result: the **expected score** of a against b, with 1 for a win,
# 0 for a loss and 1/2 for a tie, is
#
# $$E_a = \frac{1}{1 + B^{(R_b - R_a)/S}}$$
#
# with **base** $B = 10$ and **scale** $S = 400$: 400 points more are odds of 10 to 1.

# %% tags=["figure"]
gaps = np.linspace(-800, 800, 321)
curve = 0.5 + 0.5 * np.tanh(gaps * math.log(10) / 800)
figure, axis = plt.subplots(figsize=(7, 3))
axis.plot(gaps, curve, color=plt.cm.viridis(0.3), linewidth=2)
for gap in (0, 100, 400):
    height = 0.5 + 0.5 * math.tanh(gap * math.log(10) / 800)
    axis.plot(gap, height, "o", color=plt.cm.viridis(0.75))
    axis.annotate(
        f"{gap:+d}: {height:.2f}", (gap, height), xytext=(8, -14), textcoords="offset points", fontsize=10
    )
axis.set_xlabel("rating of a minus rating of b (points)")
axis.set_ylabel("expected score of a")
axis.set_title("100 points more: expected score 0.64; 400 more: 0.91")
viz.alt(figure, "An S-shaped curve of the expected score over the rating difference, 0.5 at 0, 0.91 at +400.")

# %% [markdown]
# After a battle both ratings move by what was surprising, times **k**:
#
# $$R_a \leftarrow R_a + k\,(s_a - E_a), \qquad R_b \leftarrow R_b - k\,(s_a - E_a)$$
#
# $s_a$ is the result of a. What b gains, a loses, so the mean rating stays where it was. (Elo 1978; $k = 4$ in WildVision-Arena,
# Lu et al. 2024, arXiv:2406.11069, and in FastChat.)
#
# ### Exercise 9.1 · One battle (10 points, about 8 minutes)
#
# Votes have four labels: `"model_a"`, `"model_b"`, `"tie"` and `"tie (bothbad)"` (both answers are bad). Both kinds of tie are half a win
# to each. Any other label, and a missing one (None or nan), raises a `ValueError`: an unknown label that is counted as a tie spoils a leaderboard in silence.


# %% exercise="9.1" points=10 next="Next: your Elo on 8,931 votes." off_limits=["course_lib.arena"]
# exercise 9.1
def elo_update(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Both ratings after one battle.

    rating_a, rating_b: numbers (points), before the battle. winner: "model_a", "model_b", "tie" or "tie (bothbad)";
    anything else, None and nan included, raises ValueError. k: points at stake. scale: points for odds of `base` to 1.
    Returns (rating_a, rating_b), two numbers.
    """
    ### BEGIN SOLUTION
    results = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}
    if winner not in results:
        raise ValueError(f"winner is {winner!r}; it must be one of {', '.join(results)}.")
    expected = 1 / (1 + base ** ((rating_b - rating_a) / scale))
    moved = k * (results[winner] - expected)
    return rating_a + moved, rating_b - moved
    ### END SOLUTION


# %% tags=["probe"] exercise="9.1"
def probe(answer, seed):
    """Random ratings with each label, another k, scale and base, a foregone conclusion, and labels that do not exist."""
    import numpy as np

    draw = np.random.default_rng(seed)
    values = {}

    def both(name, *arguments, **settings):
        after = answer(*arguments, **settings)
        values[f"{name}: rating of a"], values[f"{name}: rating of b"] = float(after[0]), float(after[1])

    for winner in ("model_a", "model_b", "tie", "tie (bothbad)"):
        gap = float(draw.uniform(120, 350)) * (-1) ** int(draw.integers(2))
        both(winner, 1000.0, 1000.0 + gap, winner, k=100.0)
    both("defaults", 1050.0, 900.0 + float(draw.uniform(0, 40)), "model_b")
    both(
        "k 64, scale 173, base 3",
        40.0,
        float(draw.uniform(100, 300)),
        "model_a",
        k=64.0,
        scale=173.0,
        base=3.0,
    )
    both("800 points apart", 1500.0, 700.0, "model_b", k=200.0)
    for name, label in (
        ("the label 'left'", "left"),
        ("the label 'tie (both bad)', with a space too many,", "tie (both bad)"),
        ("a missing label, None,", None),
        ("a missing label, nan,", float("nan")),
    ):
        try:
            answer(1000.0, 1100.0, label)
            values[f"{name} is refused with a ValueError"] = "no"
        except NotImplementedError:
            raise
        except ValueError:
            values[f"{name} is refused with a ValueError"] = "yes"
        except Exception:
            values[f"{name} is refused with a ValueError"] = "no, with another error"
    return values


# %% [markdown] tags=["hint"] exercise="9.1"
# Three steps: turn the label into the result of a (a number), compute what was expected of a, move both ratings. Which result has a tie?

# %% [markdown] tags=["hint"] exercise="9.1"
# Check your expected score on paper: equal ratings give 1/2, and the *stronger* model expects more than 1/2. If yours gives less, look at which
# rating stands first in the exponent.

# %% [markdown] tags=["hint"] exercise="9.1"
# A dictionary from label to result does two jobs: it gives the number, and a label that is not in it is one to refuse. Compute the step of a
# once, from the ratings *before* the battle; b makes the same step the other way.

# %% tags=["check"] exercise="9.1"
check("9.1", elo_update)

# %% [markdown]
# Your Elo on all votes, in the order of the file. That order means nothing: nobody played in it. So shuffle the same votes twenty times.


# %% tags=["use"]
def play(battles):
    """Ratings after all battles in the order of the rows, by your elo_update, and the path of every model."""
    ratings, paths = dict.fromkeys(models, 1000.0), {model: [1000.0] for model in models}
    for a, b, winner in zip(battles["model_a"], battles["model_b"], battles["winner"], strict=True):
        ratings[a], ratings[b] = elo_update(ratings[a], ratings[b], winner)
        paths[a].append(ratings[a])
        paths[b].append(ratings[b])
    return pd.Series(ratings), paths


in_file_order, paths = play(crowd)
shuffled = pd.DataFrame([play(crowd.sample(frac=1, random_state=number))[0] for number in range(20)])
order = shuffled.mean().sort_values(ascending=False).index
places = shuffled.rank(axis=1, ascending=False)
top = order[:12][::-1]
moving = (places[top].max() - places[top].min()).idxmax()  # the most mobile of the first twelve

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2))
for position, model in enumerate([order[0], moving, order[len(order) // 2], order[-1]]):
    left.plot(paths[model], color=plt.cm.viridis(position / 3.6), label=model)
left.set_xlabel("battles of the model")
left.set_ylabel("online Elo (points)")
left.legend(fontsize=8)
left.set_title("one order: ratings wander")
right.hlines(top, shuffled[top].min(), shuffled[top].max(), color=plt.cm.viridis(0.3), linewidth=6, alpha=0.6)
right.plot(shuffled[top].mean(), top, "o", color="black", markersize=4)
right.set_xlabel("online Elo over 20 orders (points)")
right.set_title("twenty orders of the same votes")
figure.suptitle(
    f"{moving}: {shuffled[moving].min():.0f} to {shuffled[moving].max():.0f} points, place "
    f"{places[moving].max():.0f} to {places[moving].min():.0f}, decided by nothing but the order"
)
figure.tight_layout()
viz.alt(
    figure,
    "Left: ratings of four models over their battles. Right: the range of the ratings of 12 models over 20 orders.",
)
display(
    Markdown(
        f"The mean rating is still {in_file_order.mean():.1f}. The order moves a model by "
        f"{(shuffled.max() - shuffled.min()).median():.0f} points in the median (largest minus smallest of 20). Online Elo was made for "
        "players who get better or worse. The answers of a model do not change, so a method that looks at all votes at once is the better choice."
    )
)

# %% [markdown]
# ## 3 · Bradley-Terry: all battles at once
#
# Give each model a **strength** $p_i > 0$ and say that i beats j with probability $p_i/(p_i + p_j)$. That is Elo's curve, with
# $R = 400 \log_{10} p$ plus a constant. Now ask: which strengths make all votes together most likely? No order enters the question.
#
# A leaderboard could also count wins. What is the difference? Look who met whom.

# %% tags=["use"]
place = {model: position for position, model in enumerate(models)}
a, b = (
    crowd["model_a"].map(place).to_numpy(),
    crowd["model_b"].map(place).to_numpy(),
)  # (N,) numbers of models
result = crowd["winner"].map({"model_a": 1.0, "model_b": 0.0, "tie": 0.5}).to_numpy()  # (N,) of model_a


def count(rows):
    """(M, M) wins of i over j and (M, M) ties of i and j, from rows (N, 3) of model a, model b, result of a."""
    first, second = rows[:, 0].astype(int), rows[:, 1].astype(int)
    wins, ties = np.zeros((2, len(models), len(models)))
    np.add.at(wins, (first, second), rows[:, 2] == 1)
    np.add.at(wins, (second, first), rows[:, 2] == 0)
    np.add.at(ties, (first, second), rows[:, 2] == 0.5)
    np.add.at(ties, (second, first), rows[:, 2] == 0.5)
    return wins, ties


battles = np.column_stack([a, b, result])  # (N, 3)
wins, ties = count(battles)
print(wins.sum() + ties.sum() / 2, "battles")

# %% tags=["figure"]
met = wins + wins.T + ties
by_elo = [place[model] for model in order]
figure, axis = plt.subplots(figsize=(6.4, 5.2))
shown = np.where(met > 0, met, np.nan)[np.ix_(by_elo, by_elo)]
picture = axis.imshow(shown, cmap="cividis", interpolation="nearest")
figure.colorbar(picture, ax=axis, label="votes on this pair of models")
pairs_met = (met > 0).sum() / 2
all_pairs = len(models) * (len(models) - 1) / 2
axis.set_xlabel("model, by mean online Elo")
axis.set_ylabel("model, by mean online Elo")
axis.set_title(f"{pairs_met:.0f} of {all_pairs:.0f} pairs of models met at all (white: never)")
viz.alt(figure, "A 59 by 59 heat map of votes per pair of models with white cells for pairs that never met.")

# %% [markdown]
# Pairs that never met are compared through others: a beat c, c beat b. And a win over a strong model should count more than one over a weak model.
#
# Setting the derivative of the log-likelihood to zero gives, for every model i, an equation with its strength on both sides:
#
# $$p_i = \frac{W_i}{\sum_{j \neq i} \frac{n_{ij}}{p_i + p_j}}$$
#
# $W_i$: the wins of i, a tie being half a win to each. $n_{ij}$: how often i and j met. Start with equal strengths, compute the right side, divide by the sum,
# put the result in again, until nothing changes. This update raises the likelihood in each step (Zermelo 1929; Hunter 2004, Annals of Statistics 32).
#
# ### Exercise 9.2 · Bradley-Terry (15 points, about 14 minutes)
#
# If a model never took a point, or never gave one away, no finite strengths are best: each step of making it weaker, or stronger, helps. Say so with a `ValueError`.
# (The full condition is that there is no *group* of models like that. The simple one is enough here.)


# %% exercise="9.2" points=15 rtol=1e-3 next="Next: the leaderboard from your strengths." off_limits=["course_lib.arena", "scipy", "sklearn", "choix", "evalica"] message="Is each tie one meeting (ties is symmetric already), is the sum 1, and does the loop go on until nothing changes?"
# exercise 9.2
def bradley_terry(wins, ties):
    """Strengths that make the results most likely (maximum likelihood); a tie is half a win to each side.

    wins: (M, M), entry (i, j) is how often i beat j, 0 on the diagonal. ties: (M, M), entry (i, j) and (j, i) is how often i and j tied.
    Counts may be weighted, so not whole; a pair with no battle has zeros. Neither is changed.
    Returns (M,) strengths, positive, with sum 1. Raises ValueError if a model has no win and no tie, or no loss and no tie.
    """
    ### BEGIN SOLUTION
    points = wins + ties / 2  # (M, M)
    met = points + points.T
    won, lost = points.sum(1), points.sum(0)
    if (won == 0).any() or (lost == 0).any():
        raise ValueError("A model took no point, or gave none away: its strength has no finite best value.")
    strengths = np.full(len(wins), 1 / len(wins))
    for _ in range(10_000):
        updated = won / (met / (strengths[:, None] + strengths)).sum(1)
        updated = updated / updated.sum()
        settled = np.allclose(updated, strengths, rtol=1e-9, atol=0)
        strengths = updated
        if settled:
            break
    return strengths
    ### END SOLUTION


# %% tags=["probe"] exercise="9.2"
def probe(answer, seed):
    """Random results with pairs that never met, weighted counts, a star, two models, and models without a win or a loss."""
    import numpy as np

    draw = np.random.default_rng(seed)

    def random_results(count):
        strength = np.exp(draw.normal(0, 0.7, count))
        share = strength[:, None] / (strength[:, None] + strength)
        met = np.triu(draw.integers(8, 60, (count, count)), 1)
        met = met + met.T
        ties = np.triu(draw.integers(1, 15, (count, count)), 1)
        wins = np.maximum(np.round(met * share), 1.0)
        np.fill_diagonal(wins, 0)
        return wins, (ties + ties.T).astype(float)

    def without(wins, ties, *pairs):
        for i, j in pairs:
            wins[i, j] = wins[j, i] = ties[i, j] = ties[j, i] = 0
        return wins, ties

    values, kept = {}, []

    def strengths(name, wins, ties):
        before = wins.copy(), ties.copy()
        values[name] = answer(wins, ties)
        kept.append(np.array_equal(wins, before[0]) and np.array_equal(ties, before[1]))

    strengths("5 models", *random_results(5))
    strengths("6 models, three pairs never met", *without(*random_results(6), (0, 3), (1, 4), (2, 5)))
    wins, ties = random_results(4)
    strengths("4 models, weighted battles", wins * 0.37, ties * 0.37)
    apart = [(i, j) for i in range(6) for j in range(i + 2, 6)]
    strengths("a chain: each met only the next", *without(*random_results(6), *apart))
    star = without(*random_results(4), (1, 2), (1, 3), (2, 3))
    strengths("a star: everybody met only the first", *star)
    strengths("2 models, only ties", np.zeros((2, 2)), np.array([[0.0, 6.0], [6.0, 0.0]]))
    values["wins and ties stay as they were"] = "yes" if all(kept) else "no"
    for name, axis in (("won", 1), ("lost", 0)):
        wins, ties = random_results(4)
        index = (2, slice(None)) if axis else (slice(None), 2)
        wins[index] = 0
        ties[2] = ties[:, 2] = 0
        try:
            answer(wins, ties)
            values[f"a model that never {name} is refused with a ValueError"] = "no"
        except NotImplementedError:
            raise
        except ValueError:
            values[f"a model that never {name} is refused with a ValueError"] = "yes"
        except Exception:
            values[f"a model that never {name} is refused with a ValueError"] = "no, with another error"
    return values


# %% [markdown] tags=["hint"] exercise="9.2"
# First make two things from the counts: the number of points of each model (ties count half), (M,), and how often each pair met, (M, M). Neither changes
# during the iteration.

# %% [markdown] tags=["hint"] exercise="9.2"
# The sum in the formula needs an (M, M) table of $p_i + p_j$: a column of strengths plus a row of strengths. On the diagonal the number of battles
# is 0, so it adds nothing.

# %% [markdown] tags=["hint"] exercise="9.2"
# One update is: points of each model, divided by the row sums of (times met / table of sums). Then divide by the total. Put it in a loop that stops when the
# largest relative change is tiny, 1e-9 say; a few hundred rounds are normal. A model without points shows in the row sums of the points, one that gave none away in the column sums.

# %% tags=["check"] exercise="9.2"
check("9.2", bradley_terry)


# %% tags=["use"]
def elo_of(strengths):
    """Strengths on Elo's scale, mean 1000."""
    logs = np.log10(strengths)
    return 1000 + 400 * (logs - logs.mean())


ratings = pd.Series(elo_of(bradley_terry(wins, ties)), index=models).sort_values(ascending=False)
table = pd.DataFrame({"rating": ratings.round(0), "battles": met.sum(1)[[place[m] for m in ratings.index]]})
table["points won (%)"] = [
    round(100 * (wins + ties / 2)[place[m]].sum() / met[place[m]].sum(), 1) for m in ratings.index
]
table.head(8)

# %% [markdown]
# The figure compares two things for the first twelve: your Bradley-Terry rating and your online Elo over twenty orders. The line below it adds
# a third: what the course's own code gives.

# %% tags=["use"]
from course_lib.arena.ratings import bradley_terry as course_fit
from course_lib.arena.ratings import scale as course_scale

theirs = course_scale.elo_scale(course_fit.bradley_terry(crowd))
largest_difference = (theirs - ratings).abs().max()
top = ratings.index[:12][::-1]
figure, axis = plt.subplots(figsize=(8, 4.2))
axis.hlines(
    top,
    shuffled[top].min(),
    shuffled[top].max(),
    color=plt.cm.viridis(0.3),
    linewidth=7,
    alpha=0.5,
    label="online Elo, 20 orders",
)
axis.plot(ratings[top], top, "D", color="black", label="your Bradley-Terry")
axis.set_xlabel("rating (points)")
axis.legend(loc="lower right")
axis.set_title("Online Elo with k = 4 is still on its way: few battles, small steps")
viz.alt(
    figure,
    "Twelve models: short bars of online Elo over orders, and diamonds of Bradley-Terry ratings, mostly further apart.",
)
display(
    Markdown(
        f"Your ratings and the library's differ by at most {largest_difference:.1g} points. First is {ratings.index[0]}, "
        f"{ratings.iloc[0] - ratings.iloc[1]:.0f} points ahead of {ratings.index[1]}; places 2 to 8 lie within {ratings.iloc[1] - ratings.iloc[7]:.0f} points. "
        "Is that a ranking or noise? A rating without an interval does not say."
    )
)

# %% [markdown]
# ## 4 · Which unit do you resample?
#
# The **bootstrap** (Efron 1979, Annals of Statistics 7) asks: how different could the table be? It makes a new set of data by drawing from the old with replacement, computes the
# ratings again, and repeats that. The middle 95 % of the results is an interval.
#
# Drawing what? Most leaderboards draw single battles. That is right if battles are independent. Look at one model on its questions.

# %% tags=["figure"]
leader = ratings.index[0]
rows = (crowd["model_a"] == leader) | (crowd["model_b"] == leader)
own = np.where(crowd["model_a"] == leader, result, 1 - result)[rows]
per_question = pd.Series(own).groupby(crowd["question"][rows].to_numpy()).agg(["mean", "size"])
spread = own.std()
figure, axis = plt.subplots(figsize=(8, 3.4))
ticks = np.arange(len(per_question))
band = 1.96 * spread / np.sqrt(per_question["size"])
axis.bar(
    ticks,
    200 * band,
    bottom=100 * (own.mean() - band),
    color="0.85",
    width=0.8,
    label="95 % range if votes were independent",
)
axis.axhline(100 * own.mean(), color="black", linestyle="--")
axis.plot(ticks, 100 * per_question["mean"], "o", color=plt.cm.viridis(0.3), label="measured")
axis.set_xticks(ticks, per_question.index)
axis.set_xlabel("question (number in the data)")
axis.set_ylabel("points won (%)")
axis.legend(loc="lower left", ncols=2, fontsize=9)
outside = int(((per_question["mean"] - own.mean()).abs() > band).sum())
axis.set_ylim(0, 118)
axis.set_title(
    f"{leader}: {outside} of {len(per_question)} questions outside the range, {0.05 * len(per_question):.1f} would be by chance"
)
viz.alt(
    figure,
    "Share of points won by the first model on each of 13 questions, with the range expected of independent votes; several lie outside.",
)

# %% [markdown]
# Votes on one question go together (here about four people voted on each of three pairs of answers): a model that fails a question fails it before every voter. If the arena had asked other questions, whole columns of this
# picture would be different. A bootstrap that draws single votes never asks that. One that draws **questions**, each with all its
# votes, does. Such a unit is called a **block** or a cluster.
#
# ### Exercise 9.3 · The bootstrap by question (15 points, about 12 minutes)
#
# Each round: draw as many questions as there are different ones, with replacement and every question with the same chance, however many votes it has.
# A question that was drawn twice brings all its rows twice. Compute the statistic of these rows. The interval runs from the 2.5 % point to the 97.5 % point of all rounds.


# %% exercise="9.3" points=15 next="Next: intervals by vote, by pair of answers and by question." off_limits=["course_lib.arena", "scipy", "sklearn"]
# exercise 9.3
def question_interval(rows, questions, statistic, rounds, generator):
    """A 95 % percentile interval of a statistic, by resampling whole questions.

    rows: (N, C) array, one row a vote. questions: (N,) whole numbers, the question of each row. Neither is changed.
    statistic: a function of a (n, C) array of rows; it returns a number or an (M,) array. rounds: how many resamples.
    generator: np.random.Generator, the source of every draw. Calls statistic once a round.
    Returns (low, high): the 2.5 % and 97.5 % points over the rounds, each like one result of statistic.
    """
    ### BEGIN SOLUTION
    members = [np.flatnonzero(questions == question) for question in np.unique(questions)]
    results = []
    for _ in range(rounds):
        drawn = generator.integers(len(members), size=len(members))
        chosen = np.concatenate([members[number] for number in drawn])
        results.append(statistic(rows[chosen]))
    return np.percentile(results, 2.5, axis=0), np.percentile(results, 97.5, axis=0)
    ### END SOLUTION


# %% tags=["probe"] exercise="9.3"
def probe(answer, seed):
    """The statistic takes notes: which rows came, from which questions, how often. Right answers draw different numbers, so only
    what all of them share comes back.
    """
    import numpy as np

    draw = np.random.default_rng(seed)
    sizes = np.arange(1, 13)  # 12 questions with 1 to 12 votes
    labels = draw.permutation([1, 2, 3, 6, 7, 8, 10, 11, 12, 15, 16, 17])  # with gaps, as in the data
    questions = np.repeat(labels, sizes)
    shuffled = draw.permutation(len(questions))
    questions = questions[shuffled]
    count, rounds = len(questions), 200
    effect = np.repeat(draw.normal(0, 1, 12), sizes)[shuffled] + draw.normal(0, 1, count)
    rows = np.column_stack([np.arange(count), effect])
    before = rows.copy(), questions.copy()

    def noted(number, noise, rounds=rounds, vector=False):
        """All resamples as counts of each row (rounds, N), what statistic said, and the interval."""
        seen, said, sizes_seen = [], [], []

        def statistic(sample):
            sample = np.asarray(sample)
            if sample.ndim != 2 or sample.shape[1] != 2 or not len(sample):
                raise ValueError(f"statistic wants rows of shape (n, 2), it was given shape {sample.shape}")
            seen.append(np.bincount(sample[:, 0].astype(int), minlength=count))
            sizes_seen.append(len(sample))
            # skewed, so that symmetric intervals show themselves
            value = float(np.exp(5 * sample[:, 1].mean()))
            said.append(value)
            return np.array([value, -value, 2 * value]) if vector else value

        np.random.seed(noise)  # an answer that draws from the global source shows itself
        interval = answer(rows, questions, statistic, rounds, np.random.default_rng(number))
        return np.array(seen), np.array(said), sizes_seen, interval

    def yes(condition):
        return "yes" if condition else "no"

    seen, said, sizes_seen, interval = noted(seed, 1)
    values = {"rounds": float(len(seen)), "numbers that come back": float(len(interval))}
    if len(seen) != rounds:
        raise ValueError(f"statistic was called {len(seen)} times in {rounds} rounds; call it once a round")
    if len(interval) != 2:
        return values
    blocks = [seen[:, questions == label] for label in labels]
    whole = all((block == block[:, :1]).all() for block in blocks)
    values["every question comes with all its rows or not at all"] = yes(whole)
    values["rows in a round"] = (
        float(sizes_seen[0]) if len(set(sizes_seen)) == 1 else "different from round to round"
    )
    times = np.stack([block.max(1) for block in blocks], 1)  # (rounds, 12) how often each question came
    total = times.sum(1)
    if whole:
        values["every round draws the same number of questions"] = yes((total == total[0]).all())
        values["questions drawn in a round (rounded mean)"] = float(np.round(total.mean()))
        values["a question can come twice"] = yes((times > 1).any())
        values["large questions are drawn more often than small ones"] = yes(
            times[:, 9:].sum() > 0.32 * times.sum()
        )
    present = (times > 0).mean()
    values["about a third of the questions is missing in a round"] = yes(0.56 < present < 0.74)
    values["rounds differ"] = yes(len(np.unique(seen, axis=0)) > 0.9 * rounds)
    low, high = (float(np.asarray(end).reshape(-1)[0]) for end in interval)

    values["low is not above high"] = yes(low <= high)

    def share(number):
        return "too few" if number < 4 else "right" if number <= 6 else "too many"

    values["rounds below low"] = share(int((said < low).sum()))
    values["rounds above high"] = share(int((said > high).sum()))
    values["an end is the smallest or the largest round"] = yes(low == said.min() or high == said.max())
    values["most rounds lie inside"] = yes(((said >= low) & (said <= high)).mean() > 0.5)
    first, again, other = noted(seed, 1, 9)[0], noted(seed, 2, 9)[0], noted(seed + 1000, 1, 9)[0]
    values["same generator seed, same rounds"] = yes(np.array_equal(again, first))
    values["other generator seed, other rounds"] = yes(not np.array_equal(other, first))
    ends = [np.shape(end) for end in noted(seed, 1, 9, vector=True)[3]]
    values["shape of low and high for three numbers at once"] = " and ".join(map(str, ends))
    values["rows and questions stay as they were"] = yes(
        np.array_equal(rows, before[0]) and np.array_equal(questions, before[1])
    )
    return values


# %% [markdown] tags=["hint"] exercise="9.3"
# Begin with the drawing of one round. What is in the hat: votes or questions? How many do you draw, and may the same one come twice?

# %% [markdown] tags=["hint"] exercise="9.3"
# Prepare a list with the row numbers of each question. Then a draw is a list of *positions in that list*, and the rows of the round are the row numbers of all drawn
# questions, one after the other, repeats included. A test like `np.isin` would lose the repeats.

# %% [markdown] tags=["hint"] exercise="9.3"
# `generator.integers(Q, size=Q)` draws Q positions with replacement; `np.concatenate` joins the row numbers. Collect what `statistic` gives in a list, and take
# two percentiles over the rounds (axis 0, so that it works for an array of ratings, too).

# %% tags=["check"] exercise="9.3"
check("9.3", question_interval)

# %% [markdown]
# The same function with three units. If every vote is its own "question", you draw single votes. If the unit is the pair of answers, the votes of several people on the same two answers stay together.
# This takes some seconds: 3 x 100 times Bradley-Terry, with your code. If it takes minutes: collect the row numbers of each unit once, before the rounds, and let 9.2 work on whole arrays.


# %% tags=["use"]
def ratings_of(rows):
    """(M,) your ratings of these rows; missing where a resample has no finite strengths."""
    try:
        return elo_of(bradley_terry(*count(rows)))
    except ValueError:
        return np.full(len(models), np.nan)


units = {
    "single votes": np.arange(len(crowd)),
    "pairs of answers": crowd["comparison"].to_numpy(),
    "questions": crowd["question"].to_numpy(),
}
intervals = {}
for name, unit in units.items():
    low, high = question_interval(battles, unit, ratings_of, 100, np.random.default_rng(9))
    intervals[name] = pd.DataFrame({"low": low, "high": high}, index=models)

widths = {name: (ends["high"] - ends["low"]).median() for name, ends in intervals.items()}
ranks = {
    name: 1 + (ends["low"].to_numpy()[None, :] > ends["high"].to_numpy()[:, None]).sum(1)
    for name, ends in intervals.items()
}
top = ratings.index[:12][::-1]
figure, axis = plt.subplots(figsize=(9, 5))
for position, (name, ends) in enumerate(intervals.items()):
    height = np.arange(len(top)) + 0.25 * (1 - position)
    axis.hlines(
        height,
        ends["low"][top],
        ends["high"][top],
        color=plt.cm.viridis(0.1 + 0.38 * position),
        linewidth=4,
        label=name,
    )
axis.plot(ratings[top], np.arange(len(top)), "|", color="black", markersize=16)
axis.set_yticks(np.arange(len(top)), top)
axis.set_xlabel("Bradley-Terry rating (points), 95 % intervals")
axis.legend(title="what is drawn", loc="lower right")
axis.set_title(
    f"Drawing questions instead of votes: intervals {widths['questions'] / widths['single votes']:.1f} times as wide (median of {len(models)} models)"
)
viz.alt(
    figure,
    "Three intervals for each of twelve models; those from drawing questions are the widest for most models.",
)
display(
    Markdown(
        "Median width over all models: "
        + ", ".join(f"{width:.0f} points for {name}" for name, width in widths.items())
        + f". **Rank by interval** is 1 + the number of models whose whole interval lies above this one's. By single votes "
        f"{(ranks['single votes'] == 1).sum()} models share rank 1, by questions {(ranks['questions'] == 1).sum()}; the number of different ranks falls from "
        f"{len(set(ranks['single votes']))} to {len(set(ranks['questions']))}.\n\n"
        f"**What this cannot show.** {crowd['question'].nunique()} questions are few: an interval from {crowd['question'].nunique()} blocks is itself rough, and tends to be too narrow. "
        "More votes on the same questions would not help. More questions would."
    )
)

# %% [markdown]
# ## 5 · A judge instead of people
#
# People are slow. **WildVision-Bench** (Lu et al. 2024, arXiv:2406.11069) asks a model, GPT-4o, to judge: 500 questions with an image, and for each the answer of the evaluated model
# against that of one fixed **reference**, Claude-3-Sonnet. The judge gives one of five **verdicts**. A is the reference, B the evaluated model:
# `A>>B` (A much better), `A>B`, `A=B`, `B>A`, `B>>A`. Sometimes it gives none. The verdicts are published; here is what they look like.

# %% tags=["figure"]
verdicts = datasets.load("wvbench_verdicts")
paper = datasets.load("wvbench_leaderboard_paper_table4").dropna(subset="repo_model").set_index("repo_model")
KINDS = ["B>>A", "B>A", "A=B", "A>B", "A>>B"]
labelled = verdicts.assign(verdict=verdicts["verdict"].fillna("none"))
shares = pd.crosstab(labelled["model"], labelled["verdict"]).loc[paper.index[::-1], [*KINDS, "none"]]
figure, axis = plt.subplots(figsize=(9, 5))
left = np.zeros(len(shares))
colours = [*plt.cm.viridis([0.95, 0.75, 0.5, 0.25, 0.05]), (1, 1, 1, 1)]
for kind, colour in zip(shares, colours, strict=True):
    axis.barh(
        paper["paper_name"][shares.index],
        shares[kind],
        left=left,
        color=colour,
        label=kind,
        edgecolor="0.4",
        linewidth=0.3,
    )
    left = left + shares[kind].to_numpy()
axis.set_xlim(0, 500)
axis.set_xlabel("questions")
axis.legend(ncols=6, loc="upper center", bbox_to_anchor=(0.4, -0.12), frameon=False)
missing_counts = shares["none"]
axis.set_title(
    f"Five kinds of verdict, and {missing_counts.min()} to {missing_counts.max()} questions per model without one"
)
viz.alt(
    figure,
    "Stacked bars of five kinds of verdicts and missing ones for 19 models, from GPT-4o down to UFORM.",
)

# %% [markdown]
# Three numbers are made of them. Let $n$ with a verdict in its index be how often it was given.
#
# - **Score**: the win rate against the reference that Bradley-Terry expects, in %. A verdict with `>>` counts as $w = 3$ battles. Because every model meets only the reference, no
#   iteration is needed: $$\text{score} = 100\cdot\frac{w\,n_{B\gg A} + n_{B>A} + n_{A=B}/2}{w\,(n_{B\gg A} + n_{A\gg B}) + n_{B>A} + n_{A>B} + n_{A=B}}$$
# - **Win rate**: % of questions on which B is better or much better. A tie is no win, and `>>` counts once.
# - **Reward**: the mean of +100, +50, 0, -50, -100 over the questions.
#
# And what is a question without a verdict? Two rules. `"drop"`: it does not exist, in no number and no denominator. `"tie"`: it is a tie, everywhere.
#
# ### Exercise 9.4 · The judge's table, one line of it (10 points, about 9 minutes)


# %% exercise="9.4" points=10 next="Next: your scores beside the printed ones." off_limits=["course_lib.arena"]
# exercise 9.4
def judge_score(verdicts, missing="drop", strong_weight=3):
    """Score, win rate and reward of one model from its verdicts against the reference.

    verdicts: a list of "A>>B", "A>B", "A=B", "B>A", "B>>A" or None (missing); A is the reference, B the model. Any other label raises ValueError. Not changed.
    missing: "drop" leaves missing verdicts out of everything, "tie" counts each as "A=B" everywhere. strong_weight: battles that a ">>" counts as, in the score only.
    Returns (score in %, win rate in %, reward from -100 to 100); three times float("nan") if no verdict is left.
    """
    ### BEGIN SOLUTION
    n = dict.fromkeys(("A>>B", "A>B", "A=B", "B>A", "B>>A"), 0)
    for verdict in verdicts:
        if verdict is None and missing == "drop":
            continue
        label = "A=B" if verdict is None else verdict
        if label not in n:
            raise ValueError(f"{label!r} is not a verdict; verdicts are {', '.join(n)} or None.")
        n[label] += 1
    questions = sum(n.values())
    if questions == 0:
        return float("nan"), float("nan"), float("nan")
    won = strong_weight * n["B>>A"] + n["B>A"]
    lost = strong_weight * n["A>>B"] + n["A>B"]
    score = 100 * (won + n["A=B"] / 2) / (won + n["A=B"] + lost)
    win_rate = 100 * (n["B>>A"] + n["B>A"]) / questions
    reward = (100 * (n["B>>A"] - n["A>>B"]) + 50 * (n["B>A"] - n["A>B"])) / questions
    return score, win_rate, reward
    ### END SOLUTION


# %% tags=["probe"] exercise="9.4"
def probe(answer, seed):
    """Random verdicts with and without missing ones, both rules, another weight, nothing but missing ones, and a label that does not exist."""
    import numpy as np

    draw = np.random.default_rng(seed)
    labels = ["A>>B", "A>B", "A=B", "B>A", "B>>A", None]
    values, kept = {}, []

    def three(name, counts, *arguments, defined=True):
        verdicts = [label for label, count in zip(labels, counts, strict=True) for _ in range(int(count))]
        verdicts = [verdicts[i] for i in draw.permutation(len(verdicts))]
        before = list(verdicts)
        found = answer(verdicts, *arguments)
        kept.append(verdicts == before)
        for what, value in zip(("score", "win rate", "reward"), found, strict=True):
            if defined:
                values[f"{what}, {name}"] = float(value)
            else:
                values[f"{what}, {name}: is not-a-number"] = "yes" if np.isnan(value) else "no"

    base = np.array([8, 23, 11, 17, 31, 0])
    three("all five verdicts", base + draw.integers(0, 5, 6) * [1, 1, 1, 1, 1, 0])
    with_missing = base + draw.integers(0, 5, 6) + [0, 0, 0, 0, 0, 14]
    three("with missing ones, defaults", with_missing)
    three("with missing ones, dropped, weight 5", with_missing, "drop", 5)
    three("with missing ones, as ties", with_missing, "tie", 3)
    three("with missing ones, as ties, weight 1", with_missing[::-1] + 9, "tie", 1)
    three("only ties", [0, 0, int(draw.integers(3, 9)), 0, 0, 0])
    three("all missing, dropped", [0, 0, 0, 0, 0, 4], "drop", defined=False)
    three("all missing, as ties", [0, 0, 0, 0, 0, 4], "tie")
    values["the list of verdicts stays as it was"] = "yes" if all(kept) else "no"
    try:
        answer(["A>B", "A<B", "B>A"])
        values["the label 'A<B' is refused with a ValueError"] = "no"
    except NotImplementedError:
        raise
    except ValueError:
        values["the label 'A<B' is refused with a ValueError"] = "yes"
    except Exception:
        values["the label 'A<B' is refused with a ValueError"] = "no, with another error"
    return values


# %% [markdown] tags=["hint"] exercise="9.4"
# Count first: five counters. The missing ones either vanish before you count or join the ties. After that the three numbers are fractions of counts.

# %% [markdown] tags=["hint"] exercise="9.4"
# The weight belongs to the score alone, and there it stands above *and* below the line. Win rate and reward divide by the number of questions.

# %% [markdown] tags=["hint"] exercise="9.4"
# Try one by hand: two `B>>A`, one `A>B`, one `A=B`, weight 3. Points won 6 + 0.5, battles 6 + 1 + 1 = 8: score 81.25. Win rate 2 of 4 = 50. Reward (200 - 50) / 4 = 37.5.

# %% tags=["check"] exercise="9.4"
check("9.4", judge_score)

# %% [markdown]
# Your scores of the 19 models of the paper's Table 4 that have published verdicts. For the score, the paper drops missing verdicts.


# %% tags=["use"]
def verdicts_of(model, column="verdict"):
    """All verdicts on a model as a list, None where there is none."""
    return [
        label if isinstance(label, str) else None
        for label in verdicts.loc[verdicts["model"] == model, column]
    ]


rows = []
for model in paper.index:
    mine = verdicts_of(model)
    rows.append(
        {
            "model": paper["paper_name"][model],
            "printed": paper["score"][model],
            "yours, dropped": judge_score(mine)[0],
            "as ties": judge_score(mine, "tie")[0],
            "weight 1": judge_score(mine, "drop", 1)[0],
            "printed win rate": paper["win_rate_pct"][model],
            "win rate, dropped": judge_score(mine)[1],
            "win rate, as ties": judge_score(mine, "tie")[1],
        }
    )
scores = pd.DataFrame(rows).set_index("model")
equal = ((scores["printed"] - scores["yours, dropped"]).abs() < 0.00501).sum()
equal_rates = ((scores["printed win rate"] - scores["win rate, as ties"]).abs() < 0.0501).sum()
display(scores.round(2))
display(
    Markdown(
        f"**{equal} of {len(scores)}** printed scores come out to the second decimal with your function and dropped verdicts. The printed win rates are another "
        f"story: {equal_rates} of {len(scores)} come out if missing verdicts are *ties*. Two columns of one table use two rules, and the table does not say so."
    )
)

# %% tags=["figure"]
figure, axis = plt.subplots(figsize=(9, 4.2))
for position, (name, shift) in enumerate(
    {"as ties": "missing verdicts as ties", "weight 1": "strong verdicts count once"}.items()
):
    axis.plot(
        scores["yours, dropped"],
        scores[name] - scores["yours, dropped"],
        "os"[position],
        color=plt.cm.viridis(0.2 + 0.5 * position),
        label=shift,
    )
axis.axhline(0, color="black", linewidth=0.8)
axis.set_xlabel("score, missing verdicts dropped, weight 3 (%)")
axis.set_ylabel("change of the score (points)")
axis.legend()
farthest = (scores["weight 1"] - scores["yours, dropped"]).abs().max()
nearest = (scores["as ties"] - scores["yours, dropped"]).abs().max()
axis.set_title(
    f"The same verdicts under other rules: up to {nearest:.2f} points by missing verdicts, up to {farthest:.1f} by the weight"
)
viz.alt(
    figure,
    "Change of 19 scores by two rules: ties for missing verdicts changes little, weight 1 pulls most towards 50.",
)

# %% [markdown]
# The weight pulls most scores away from 50 and changes the order, without adding a single verdict: with weight 1, DeepSeek-VL-7B passes Claude-3-Haiku. Before you compare two tables of one benchmark, compare their rules.

# %% [markdown]
# ## 6 · Agreement beyond chance
#
# Does the judge vote as people do? Put the votes on the same pairs of answers into a **vote matrix**: row, what the first said; column, what the second said. Before you hold a
# model to it, ask how well *people* agree with each other. The arena of part 1 can tell: for every pair of answers take every two people who voted on it, in both orders, so the matrix is symmetric.

# %% tags=["use"]
LABELS = ["model_a", "tie", "model_b"]
code = crowd["winner"].map({label: position for position, label in enumerate(LABELS)}).to_numpy()
said, asked = [], []  # what two people said on the same two answers, and the question
for (question, _), group in crowd.assign(code=code).groupby(["question", "comparison"]):
    chosen = group["code"].to_numpy()
    one, two = np.nonzero(~np.eye(len(chosen), dtype=bool))
    said.append(np.column_stack([chosen[one], chosen[two]]))
    asked.append(np.full(len(one), question))
said, asked = np.concatenate(said), np.concatenate(asked)


def vote_matrix(pairs):
    """(3, 3) counts of pairs of votes, from (n, 2) codes."""
    matrix = np.zeros((3, 3))
    np.add.at(matrix, (pairs[:, 0], pairs[:, 1]), 1)
    return matrix


people = vote_matrix(said)
figure, axis = plt.subplots(figsize=(4.8, 4))
axis.imshow(people, cmap="cividis", vmin=0)
for i in range(3):
    for j in range(3):
        axis.text(
            j,
            i,
            f"{people[i, j]:,.0f}",
            ha="center",
            va="center",
            color="white" if people[i, j] < 0.7 * people.max() else "black",
        )
names = ["left", "tie", "right"]
axis.set_xticks(range(3), names)
axis.set_yticks(range(3), names)
axis.set_xlabel("another person")
axis.set_ylabel("one person")
axis.set_title(
    f"Same vote: {100 * np.trace(people) / people.sum():.0f} % of {people.sum() / 2:,.0f} pairs of people"
)
viz.alt(
    figure,
    "A 3 by 3 matrix of votes of two people on the same answers, symmetric, with the largest counts on the diagonal.",
)

# %% [markdown]
# Is that much? Two people who throw dice with the right shares would also agree now and then. **Cohen's kappa** (Cohen 1960) takes that off. With $N$ pairs in the matrix $V$, $r$ its row sums and
# $c$ its column sums:
#
# $$p_o = \frac1N\sum_i V_{ii},\qquad p_e = \sum_i \frac{r_i}{N}\frac{c_i}{N},\qquad \kappa = \frac{p_o - p_e}{1 - p_e}$$
#
# 1 is perfect agreement, 0 is what the shares give by chance. The other common number is **F1**: for label i, the first side being taken as the truth, precision is $V_{ii}/c_i$, recall $V_{ii}/r_i$, and
# F1 their harmonic mean, $2V_{ii}/(r_i + c_i)$. **Macro F1** is the plain mean over labels. **Micro F1**, with one label each, is the share of equal votes, $p_o$.
#
# ### Exercise 9.5 · Agreement from a vote matrix (10 points, about 8 minutes)


# %% exercise="9.5" points=10 next="Next: how well people agree with each other." off_limits=["course_lib.arena", "sklearn", "scipy"]
# exercise 9.5
def agreement(votes):
    """Micro F1, macro F1 and Cohen's kappa of a vote matrix.

    votes: (C, C) counts, entry (i, j): pairs in which the first said i and the second j. Not changed.
    A label that neither side ever used is left out of the macro mean; one that a single side used counts, with F1 = 0.
    Returns (micro F1, macro F1, kappa), fractions; kappa is float("nan") if both sides always gave one and the same label.
    """
    ### BEGIN SOLUTION
    total, equal = votes.sum(), np.diag(votes)
    first, second = votes.sum(1), votes.sum(0)
    used = first + second > 0
    f1 = 2 * equal[used] / (first + second)[used]
    observed, chance = equal.sum() / total, (first @ second) / total**2
    kappa = (observed - chance) / (1 - chance) if chance < 1 else float("nan")
    return observed, f1.mean(), kappa
    ### END SOLUTION


# %% tags=["probe"] exercise="9.5"
def probe(answer, seed):
    """Random lopsided matrices, a label never used, a label only one side used, perfect and constant votes."""
    import numpy as np

    draw = np.random.default_rng(seed)
    values, kept = {}, []

    def three(name, votes, kappa_defined=True):
        votes = np.array(votes, dtype=float)
        before = votes.copy()
        micro, macro, kappa = answer(votes)
        kept.append(np.array_equal(votes, before))
        values[f"micro F1, {name}"], values[f"macro F1, {name}"] = float(micro), float(macro)
        if kappa_defined:
            values[f"kappa, {name}"] = float(kappa)
        else:
            values[f"kappa, {name}: is not-a-number"] = "yes" if np.isnan(kappa) else "no"

    votes = draw.integers(2, 12, (3, 3)) + np.array([[30, 14, 2], [4, 19, 11], [1, 0, 8]])
    three("3 labels", votes)
    three("4 labels", draw.integers(1, 9, (4, 4)) * np.array([9, 4, 2, 1])[:, None] + np.diag([40, 10, 6, 3]))
    unused = np.zeros((4, 4))
    unused[np.ix_([0, 1, 3], [0, 1, 3])] = votes
    three("a label that nobody used", unused)
    ignored = votes.copy()
    ignored[:, 2] = 0
    three("a label that the second never used", ignored)
    three("a label that the first never used", ignored.T)
    three("perfect agreement", np.diag(draw.integers(3, 20, 3)))
    three("less than chance", [[3, 20], [17, int(draw.integers(4, 9))]])
    three("both always say the same", [[int(draw.integers(4, 40)), 0], [0, 0]], kappa_defined=False)
    values["the votes stay as they were"] = "yes" if all(kept) else "no"
    return values


# %% [markdown] tags=["hint"] exercise="9.5"
# Everything comes from three things: the diagonal, the row sums and the column sums. Which of the three numbers needs only the diagonal and the total?

# %% [markdown] tags=["hint"] exercise="9.5"
# Chance: if the two sides were independent, label i would meet label i in the share (row share of i) times (column share of i). Add that up over the labels.

# %% [markdown] tags=["hint"] exercise="9.5"
# Compute F1 only for labels whose row sum plus column sum is above 0: a Boolean mask does it, and no 0/0 appears. Check kappa's denominator before you divide: if it is 0, there was only one label.

# %% tags=["check"] exercise="9.5"
check("9.5", agreement)


# %% tags=["use"]
micro, macro, kappa = agreement(people)
low, high = question_interval(
    said, asked, lambda pairs: np.array(agreement(vote_matrix(pairs))), 200, np.random.default_rng(4)
)
decided = people[np.ix_([0, 2], [0, 2])]
both_sides = agreement(decided)
printed = agreement(np.array([[300.0, 61], [102, 269]]))
display(
    pd.DataFrame(
        {
            "people with people, left / tie / right": [micro, macro, kappa],
            "low (by question)": low,
            "high": high,
            "people, both chose a side": both_sides,
            "Figure 6, visible cells": printed,
            "Figure 6, printed": [0.7796, 0.7792, 0.5585],
        },
        index=["micro F1", "macro F1", "kappa"],
    ).round(4)
)
display(
    Markdown(
        f"Two people give the same vote in {100 * micro:.0f} % of cases, and kappa is {kappa:.2f}, between {low[2]:.2f} and {high[2]:.2f} (your bootstrap, by question). "
        f"Keep only the pairs in which both chose a side and it is {both_sides[2]:.2f}: leaving out the ties makes the same people look more alike. "
        "So a number for a judge means little without the same number, under the same protocol, for people.\n\n"
        f"The last two columns are from Lu et al. 2024, Figure 6 (GPT-4V against people, votes for left and right). From the four cells that can be read in the lecture's copy of it "
        f"(300, 61, 102, 269) follows kappa {printed[2]:.4f}; printed is 0.5585. Both cannot belong to the same votes. It is a small difference, "
        "and you can only see it because the counts are shown."
    )
)

# %% [markdown]
# ## 7 · Is longer better?
#
# Back to the verdicts of GPT-4o. The data tell how many tokens each answer has. Compare the lengths of the two answers by
#
# $$x = \frac{\ell_B - \ell_A}{\ell_B + \ell_A} \in [-1, 1],$$
#
# positive if the evaluated model wrote more. Look at the judge's votes over $x$.

# %% tags=["figure"]
REFERENCE = "claude-3-sonnet-20240229"
table = verdicts.dropna(subset="verdict")
reference_tokens = verdicts[verdicts["model"] == REFERENCE].set_index("question")["answer_tokens"]
table = table[table["model"] != REFERENCE].assign(
    reference_tokens=lambda t: t["question"].map(reference_tokens)
)
total_tokens = table["answer_tokens"] + table["reference_tokens"]
difference = (
    (table["answer_tokens"] - table["reference_tokens"]) / total_tokens.where(total_tokens > 0, 1)
).to_numpy()
outcome = table["verdict"].map({"B>>A": 1.0, "B>A": 1.0, "A=B": 0.5, "A>B": 0.0, "A>>B": 0.0}).to_numpy()
weight = table["verdict"].isin(["A>>B", "B>>A"]).map({True: 3.0, False: 1.0}).to_numpy()
bench_models = sorted(table["model"].unique())
number = table["model"].map({model: position for position, model in enumerate(bench_models)}).to_numpy()

edges = np.linspace(-1, 1, 11)
bins = np.clip(np.digitize(difference, edges) - 1, 0, 9)
middle = (edges[:-1] + edges[1:]) / 2
figure, axis = plt.subplots(figsize=(8, 3.6))
heights = [100 * np.average(outcome[bins == one], weights=weight[bins == one]) for one in range(10)]
axis.bar(middle, heights, width=0.18, color=plt.cm.viridis(0.35))
for one, height in zip(range(10), heights, strict=True):
    axis.text(middle[one], height + 2, f"{(bins == one).sum():,}", ha="center", fontsize=8)
axis.axhline(50, color="black", linestyle=":")
axis.set_ylim(0, 100)
axis.set_xlabel("length difference x (positive: the evaluated model wrote more)")
axis.set_ylabel("battles won (%)")
axis.set_title(
    f"The longer answer wins more often: {heights[1]:.0f} % at x = {middle[1]:.1f}, {heights[7]:.0f} % at x = {middle[7]:.1f} (numbers: verdicts)"
)
viz.alt(
    figure,
    "Bars of the share of battles won over ten bins of the length difference, rising from left to right except at 0.7.",
)

# %% [markdown]
# (The bar at 0.7 is an exception: 218 verdicts, 85 of them on four small models, Bunny, UFORM, Tiny-LLaVA and MiniCPM-V. Without these it is 35 %, still a dip.)
#
# Does the judge like long answers, or do good models write more? The picture cannot tell. A model can, if it has a place for both: each model gets a strength $\theta_m$, and the length difference one
# coefficient $\beta$ that all share,
#
# $$P(\text{win}) = \sigma(\theta_m + \beta x),\qquad \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# Within one model, is it more successful on the questions where it wrote more? That is what $\beta$ measures. What is left, $100\,\sigma(\theta_m)$, is the score *at equal length*. Leaderboards call this **length control** or
# style control (Li et al. 2024, lmsys.org, "Does style matter?").
#
# The best $\theta$ and $\beta$ maximise the weighted log-likelihood. It has one maximum. With the columns "is it model m" and $x$ in a design matrix $D$ and $p = \sigma(D\theta)$, its gradient is
# $D^\top (w\,(y - p))$ and its curvature $D^\top \mathrm{diag}(w\,p\,(1-p))\,D$. **Newton's method** steps by curvature$^{-1}$ gradient; a handful of steps is enough.
#
# ### Exercise 9.6 · Strength at equal length (15 points, about 14 minutes)


# %% exercise="9.6" points=15 rtol=1e-5 next="Next: the leaderboard at equal length." off_limits=["course_lib.arena", "scipy", "sklearn", "statsmodels"] message="Are the scores in %, does each weight enter once, and does the fit go on until nothing changes?"
# exercise 9.6
def length_controlled(outcome, model, difference, weight):
    """Scores at equal length, and the coefficient of length, by maximum likelihood: P(win) = sigma(theta[model] + beta * difference).

    outcome: (N,) 1 for a win of the evaluated model, 0 for a loss, 0.5 for a tie (half a win, half a loss). model: (N,) whole numbers 0 to M-1.
    difference: (N,) length difference, as it is (do not scale or centre it). weight: (N,) battles that each row counts as.
    Returns (scores, beta): (M,) 100 * sigma(theta) in %, and a number. No penalty; every model has wins and losses.
    """
    ### BEGIN SOLUTION
    indicators = model[:, None] == np.arange(model.max() + 1)  # (N, M)
    design = np.column_stack([indicators, difference]).astype(float)  # (N, M + 1)
    theta = np.zeros(design.shape[1])
    for _ in range(100):
        expected = 1 / (1 + np.exp(-design @ theta))
        gradient = design.T @ (weight * (outcome - expected))
        curvature = design.T @ (design * (weight * expected * (1 - expected))[:, None])
        step = np.linalg.solve(curvature, gradient)
        theta = theta + step
        if np.abs(step).max() < 1e-9:
            break
    return 100 / (1 + np.exp(-theta[:-1])), theta[-1]
    ### END SOLUTION


# %% tags=["probe"] exercise="9.6"
def probe(answer, seed):
    """Models that write longer the better they are, ties, strong verdicts, and a case in which length plays no part."""
    import numpy as np

    draw = np.random.default_rng(seed)
    count = 240
    model = draw.permutation(np.arange(count) % 4)
    own_length = np.array([-0.5, 0.1, 0.5, 0.3])[model]
    difference = np.clip(own_length + draw.normal(0, 0.35, count), -1, 1)
    theta = np.array([-2.5, -0.2, 1.5, 0.1])
    chance = 1 / (1 + np.exp(-(theta[model] + 1.4 * difference)))
    outcome = (draw.random(count) < chance).astype(float)
    outcome[draw.random(count) < 0.12] = 0.5
    for one in range(4):  # every model has wins, losses and ties
        rows = np.flatnonzero(model == one)
        outcome[rows[:9]] = [0, 0, 0, 1, 1, 1, 0.5, 0.5, 0.5]
    weight = np.where((outcome != 0.5) & (draw.random(count) < 0.4), 3.0, 1.0)
    values = {}

    def both(name, *arguments):
        scores, beta = answer(*arguments)
        values[f"scores, {name}"], values[f"coefficient, {name}"] = np.array(scores, dtype=float), float(beta)

    both("weighted", outcome, model, difference, weight)
    both("all weights 1", outcome, model, difference, np.ones(count))
    few = model < 2
    both("two models", outcome[few], model[few], difference[few], weight[few])
    balanced = np.repeat([-0.5, 0.5], 8)  # wins and losses alike on both sides: length plays no part
    both("length plays no part", np.tile([1.0, 0, 1, 1], 4), np.zeros(16, dtype=int), balanced, np.ones(16))
    return values


# %% [markdown] tags=["hint"] exercise="9.6"
# Build the design matrix first: M columns of zeros and ones (which model is it?) and one more column with the length difference. With 3 models and 5 rows it is (5, 4).

# %% [markdown] tags=["hint"] exercise="9.6"
# Start with all parameters 0. In each round: the predicted probability of a win for each row, the gradient, the curvature, one step. A tie needs nothing special: its outcome 0.5 stands between 0 and 1.

# %% [markdown] tags=["hint"] exercise="9.6"
# `np.linalg.solve(A, g)` gives $A^{-1} g$, so Newton's step needs no inverse; the weights stand in the gradient *and* in the curvature. Stop when the step is tiny. At equal length the difference is 0, so the score
# needs only the first M parameters.

# %% tags=["check"] exercise="9.6"
check("9.6", length_controlled)

# %% tags=["use"]
controlled, beta = length_controlled(outcome, number, difference, weight)
plain = {model: judge_score(verdicts_of(model))[0] for model in bench_models}
centre, deviation = difference.mean(), difference.std()
published, published_beta = length_controlled(outcome, number, (difference - centre) / deviation, weight)
board = pd.DataFrame({"plain": plain, "equal length": dict(zip(bench_models, controlled, strict=True))})
board["average length"] = dict(zip(bench_models, published, strict=True))
board["tokens"] = verdicts.groupby("model")["answer_tokens"].median()
board.index = [paper["paper_name"].get(model, model) for model in board.index]
board = board.sort_values("plain", ascending=False)
board["places gained"] = board["plain"].rank(ascending=False) - board["equal length"].rank(ascending=False)
board.head(12).round(1)

# %% tags=["figure"]
figure, axis = plt.subplots(figsize=(8, 5.4))
shown = board.head(12)
for _, line in shown.iterrows():
    gained = line["equal length"] - line["plain"]
    axis.plot(
        [0, 1], line[["plain", "equal length"]], "o-", color=plt.cm.viridis(0.75 if gained > 0 else 0.2)
    )
heights = {"plain": -100.0, "equal length": -100.0}
for side, column, align in ((-0.03, "plain", "right"), (1.03, "equal length", "left")):
    for name, value in shown[column].sort_values().items():
        heights[column] = max(value, heights[column] + 2.6)
        axis.text(
            side,
            heights[column],
            f"{name}  {value:.1f}" if side < 0 else f"{value:.1f}  {name}",
            ha=align,
            va="center",
            fontsize=9,
        )
axis.set_xlim(-0.75, 1.75)
axis.set_xticks([0, 1], ["plain score", "at equal length"])
axis.set_ylabel("score against the reference (%)")
passing = (
    "passes"
    if board.loc["Claude-3-Opus", "equal length"] > board.loc["Reka-Flash", "equal length"]
    else "stays behind"
)
axis.set_title(f"At equal length Claude-3-Opus {passing} Reka-Flash (green: gains, blue: loses)")
viz.alt(
    figure,
    "Lines from the plain score to the score at equal length for twelve models; Claude-3-Opus crosses above Reka-Flash.",
)
display(
    Markdown(
        f"The coefficient is {beta:+.2f} per unit of x, that is {published_beta:+.2f} per standard deviation of x. Claude-3-Opus ({board.loc['Claude-3-Opus', 'plain']:.1f} -> "
        f"{board.loc['Claude-3-Opus', 'equal length']:.1f}) and Reka-Flash ({board.loc['Reka-Flash', 'plain']:.1f} -> {board.loc['Reka-Flash', 'equal length']:.1f}) "
        f"change places; Gemini-Pro-Vision, whose median answer has {board.loc['Gemini-Pro-Vision', 'tokens']:.0f} tokens, gains {board.loc['Gemini-Pro-Vision', 'equal length'] - board.loc['Gemini-Pro-Vision', 'plain']:.1f} points.\n\n"
        f"**Which length?** Published code often centres and scales x first. Then the score holds at the *average* difference ({centre:+.2f} here: most write less than the reference), "
        f"and the two models get {board.loc['Claude-3-Opus', 'average length']:.1f} and {board.loc['Reka-Flash', 'average length']:.1f}. The order of the two stays, the numbers do not: say at which length you compare.\n\n"
        "**What it cannot show.** Length control takes off what goes *with* length. Where a longer answer is better because it says more, it takes that off, too."
    )
)

# %% [markdown]
# ## 8 · Do two encoders see the same things as alike?
#
# So far models gave answers. Encoders give vectors, and the vectors of two encoders have different axes and lengths, so they cannot be compared number by number. But one can ask
# each: which images are alike? Here are 400 images of the course's world in five spaces: two trained networks, the same network with random weights, plain pixels, and the words of
# each image's caption.

# %% tags=["use", "nbval-ignore-output"]
import torch

from course_lib import checkpoints, evaluate, world

scenes_of = world.World(world.WorldConfig(size=48), "test")
scenes = [scenes_of.scene(index) for index in range(400)]
images = np.stack([scenes_of.image(scene) for scene in scenes])  # (400, 48, 48, 3) uint8
tensor = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
captions = [scenes_of.captions(scene)[-1].replace(".", " ").replace(":", " ").split() for scene in scenes]
vocabulary = sorted({word for caption in captions for word in caption})
spaces = {
    "supervised ViT": evaluate.embed(checkpoints.load("supervised_vit"), tensor).numpy(),
    "DINO ViT": evaluate.embed(checkpoints.load("dino_vit"), tensor).numpy(),
    "random ViT": evaluate.embed(checkpoints.load("random_vit"), tensor).numpy(),
    "pixels": images.reshape(len(images), -1) / 255 - 0.5,
    "words of the caption": np.array(
        [[float(word in caption) for word in vocabulary] for caption in captions]
    ),
}
for name, features in spaces.items():
    print(f"{name:22s} {features.shape[1]:6,} numbers an image")

# %% [markdown]
# One image, and its five nearest others in three of these spaces. (Nearest means the largest cosine; this cell gets them from the library.)

# %% tags=["figure", "nbval-ignore-output"]
from course_lib.evaluate.nearest import nearest_others

asked = 17
figure, axes = plt.subplots(3, 6, figsize=(9, 4.8))
for line, name in zip(axes, ("supervised ViT", "DINO ViT", "words of the caption"), strict=True):
    near = nearest_others(torch.from_numpy(np.array(spaces[name], dtype=np.float32)), 5)[0][asked].tolist()
    for axis, image in zip(line, [asked, *near], strict=True):
        axis.imshow(images[image], interpolation="nearest")
        axis.axis("off")
        axis.set_title("the image" if image == asked else f"no. {image}", fontsize=9)
    line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=10)
figure.suptitle("Equal numbers in two rows: shared neighbours")
viz.alt(
    figure,
    "One image with its five nearest images in the spaces of a supervised ViT, DINO, and caption words.",
)

# %% [markdown]
# **Mutual k-NN** (Huh et al. 2024, arXiv:2405.07987, appendix A) counts that for all images: the share of the k nearest neighbours of an image in space a that are also among its k nearest in space b, averaged over the images.
#
# ### Exercise 9.7 · Mutual k-NN (10 points, about 8 minutes)
#
# Similarity is the cosine: the product of two vectors, each brought to length 1. An image is not its own neighbour.


# %% exercise="9.7" points=10 next="Next: who sees like whom." off_limits=["course_lib.evaluate", "sklearn", "scipy"]
# exercise 9.7
def mutual_knn(a, b, k=10):
    """Mean share of the k nearest neighbours of an image in space a that are also its k nearest neighbours in space b.

    a: (N, D), b: (N, E): row i of both comes from image i; rows of any length, not zero. Neither is changed. k: 1 to N - 1.
    Cosine similarity; an image is not its own neighbour. Returns a number from 0 to 1.
    """

    ### BEGIN SOLUTION
    def nearest(features):
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        similarity = unit @ unit.T  # (N, N)
        np.fill_diagonal(similarity, -np.inf)
        return np.argsort(-similarity, axis=1)[:, :k]

    shared = [len(np.intersect1d(one, other)) for one, other in zip(nearest(a), nearest(b), strict=True)]
    return np.mean(shared) / k
    ### END SOLUTION


# %% tags=["probe"] exercise="9.7"
def probe(answer, seed):
    """Noisy copies with rows of very different length, another number of columns, one neighbour, a turned space, unrelated spaces."""
    import numpy as np

    draw = np.random.default_rng(seed)
    count = 120
    a = draw.normal(size=(count, 6)) + 1.0
    b = np.column_stack([a + 0.5 * draw.normal(size=a.shape), 0.5 * draw.normal(size=(count, 3))])
    lengths = np.exp(draw.normal(0, 1, (2, count, 1)))
    a, b = a * lengths[0], b * lengths[1]
    before = a.copy(), b.copy()
    turn = np.linalg.qr(draw.normal(size=(6, 6)))[0]
    values = {f"related spaces, k = {k}": float(answer(a, b, k)) for k in (10, 3, 40)}
    values["related spaces, k not given"] = float(answer(b, a))
    values["one neighbour"] = float(answer(a, b, 1))
    values["a turned and stretched space"] = float(answer(a, 3 * a @ turn, 7))
    values["all others are neighbours"] = float(
        answer(draw.normal(size=(20, 4)), draw.normal(size=(20, 6)), 19)
    )
    values["unrelated spaces"] = float(answer(a, draw.normal(size=(count, 5)), 10))
    values["inputs"] = (
        "unchanged" if np.array_equal(a, before[0]) and np.array_equal(b, before[1]) else "changed"
    )
    return values


# %% [markdown] tags=["hint"] exercise="9.7"
# Do the same thing twice, once for each space: a table (N, N) of similarities, and in each row the positions of the k largest. Then compare the two lists of each image.

# %% [markdown] tags=["hint"] exercise="9.7"
# Every image is most similar to itself, in any space. What can you write on the diagonal so that it is never among the k largest? 0 is not small enough: cosines may be negative.

# %% [markdown] tags=["hint"] exercise="9.7"
# `np.argsort` sorts upwards; sort the negative table, or take the last k columns. The order inside the k does not matter, only who is among them: `np.intersect1d` of two rows gives the shared ones. Divide by k.

# %% tags=["check"] exercise="9.7"
check("9.7", mutual_knn)

# %% tags=["use", "nbval-ignore-output"]
names = list(spaces)
table = np.array([[mutual_knn(spaces[one], spaces[other]) for other in names] for one in names])
chance = 10 / (len(images) - 1)
figure, axis = plt.subplots(figsize=(6.6, 5))
picture = axis.imshow(np.where(np.eye(len(names)) > 0, np.nan, table), cmap="cividis", vmin=0)
figure.colorbar(picture, ax=axis, label="mutual k-NN, k = 10")
for i in range(len(names)):
    for j in range(len(names)):
        if i != j:
            off = table[~np.eye(len(names), dtype=bool)].max()
            axis.text(
                j,
                i,
                f"{table[i, j]:.2f}",
                ha="center",
                va="center",
                color="white" if table[i, j] < 0.6 * off else "black",
            )
axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
axis.set_yticks(range(len(names)), names)
words = names.index("words of the caption")
closest = max(
    (name for name in names if name != "words of the caption"),
    key=lambda name: table[names.index(name), words],
)
axis.set_title(
    f"Nearest to the words: {closest}, {table[names.index(closest), words]:.2f} (chance {chance:.3f})"
)
viz.alt(
    figure,
    "A 5 by 5 table of mutual k-NN: DINO, the random ViT and the pixels share many neighbours; the supervised ViT few with any.",
)

generator = np.random.default_rng(0)
layers = [generator.normal(size=(2, 400, 16)) for _ in range(8)]
noise = np.array([[mutual_knn(one[0], other[1]) for other in layers] for one in layers])
display(
    Markdown(
        f"Two unrelated spaces share k/(N-1) = {chance:.3f} of their neighbours by chance. {closest} and the captions share {table[names.index(closest), words]:.2f}, the random network and the captions "
        f"{table[names.index('random ViT'), words]:.2f}, although no caption was ever shown to either network. But plain pixels share {table[names.index('pixels'), words]:.2f} with the captions, and DINO shares "
        f'more with the pixels ({table[names.index("DINO ViT"), names.index("pixels")]:.2f}) than with the words: captions name colours and skies, and those can be read off pixels. Above chance is not yet "the same idea of the world". '
        "Captions share many words, so many cosines are equal; which of the equal ones count as nearest moves the values with the captions by about 0.005 up or down.\n\n"
        f'**A trap.** Papers compare all layers of one model with all layers of another and report the *largest* value. Here are 8 "layers" of pure noise against 8 others, {noise.size} values: mean {noise.mean():.4f}, '
        f"largest {noise.max():.4f}, {noise.max() / chance:.2f} times chance. Whoever reports a maximum has to compare it with a maximum over noise."
    )
)

# %% [markdown]
# ## 9 · A scaling fit with its interval
#
# Bigger encoders and more data give better scores. How much better? Web-SSL (Fan et al. 2025, arXiv:2504.01017, Table 8) trained one 7B model on 1, 2, 4 and 8 billion images seen and measured 16
# question-answering benchmarks. Their mean over the four benchmarks with text in the image, OCR & Chart:

# %% tags=["figure"]
webssl = datasets.load("webssl_appendix_vqa")
GROUPS = {
    "General": ["mme_p", "mmbench", "seed", "gqa"],
    "Knowledge": ["sqa", "mmmu", "mathvista", "ai2d"],
    "OCR & Chart": ["chartqa", "ocrbench", "textvqa", "docvqa"],
    "Vision-Centric": ["mmvp", "realworldqa", "cvb2d", "cvb3d"],
}
percent = webssl.assign(mme_p=webssl["mme_p"] / 20)  # MME perception is counted to 2000
for group, columns in GROUPS.items():
    webssl[group] = percent[columns].mean(axis=1)
seen = webssl[webssl["table"] == 8]  # one model, four amounts of data
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
for axis, scale in zip(axes, ("linear", "log"), strict=True):
    axis.plot(seen["samples_seen_b"], seen["OCR & Chart"], "o-", color=plt.cm.viridis(0.35))
    axis.set_xlabel("images seen (billions)")
    if scale == "log":
        axis.set_xscale("log", base=2)
        axis.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axis.set_title(f"{scale} axis")
axes[0].set_ylabel("OCR & Chart (%)")
figure.suptitle("On a logarithmic axis the points lie on a line: each doubling adds about the same", y=1.02)
viz.alt(
    figure, "OCR and Chart score over images seen, curved on a linear axis, straight on a logarithmic one."
)

# %% [markdown]
# So fit $y = \alpha + \beta\,\log_2 x$ by least squares. $\beta$ is the gain **per doubling**. With $u = \log_2 x$, $S = \sum_i (u_i - \bar u)^2$ and residuals $e_i$:
#
# $$\beta = \frac{\sum_i (u_i - \bar u)(y_i - \bar y)}{S},\qquad \text{standard error} = \sqrt{\frac{\sum_i e_i^2/(n - 2)}{S}},\qquad R^2 = 1 - \frac{\sum_i e_i^2}{\sum_i (y_i - \bar y)^2}$$
#
# The 95 % interval is $\beta \pm t$ standard errors, where $t$ is the 97.5 % point of **Student's t** with $n - 2$ degrees of freedom: two were used up by the line. For many points $t$ is 1.96; for four points it is 4.30.
# Few points are the normal case in scaling studies, so this matters.
#
# ### Exercise 9.8 · Gain per doubling (15 points, about 12 minutes)
#
# You get $t$ as a function: `t_point(f)` for f degrees of freedom.


# %% exercise="9.8" points=15 next="Next: what each doubling buys." off_limits=["course_lib.evaluate", "scipy", "sklearn", "statsmodels", "numpy.polyfit"]
# exercise 9.8
def scaling_fit(x, y, t_point):
    """Gain of y per doubling of x, its 95 % interval, and R2.

    x: (n,) positive numbers (images, parameters, compute). y: (n,) scores, not all equal. Neither is changed.
    t_point: a function; t_point(f) is the 97.5 % point of Student's t with f degrees of freedom.
    Returns (slope, low, high, r2), four numbers. Raises ValueError for fewer than 3 points and for an x that is not positive.
    """
    ### BEGIN SOLUTION
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) < 3 or (x <= 0).any():
        raise ValueError("A slope with an interval needs at least three points, and x above 0.")
    u = np.log2(x)
    around = u - u.mean()
    slope = around @ (y - y.mean()) / (around @ around)
    left_over = y - y.mean() - slope * around
    error = np.sqrt(left_over @ left_over / (len(x) - 2) / (around @ around))
    half = t_point(len(x) - 2) * error
    r2 = 1 - left_over @ left_over / ((y - y.mean()) @ (y - y.mean()))
    return slope, slope - half, slope + half, r2
    ### END SOLUTION


# %% tags=["probe"] exercise="9.8"
def probe(answer, seed):
    """Four, five, three and nine points, a falling line, a perfect one, and inputs to refuse."""
    import numpy as np

    draw = np.random.default_rng(seed)
    points = {
        1: 12.7062,
        2: 4.30265,
        3: 3.18245,
        4: 2.77645,
        5: 2.57058,
        6: 2.44691,
        7: 2.36462,
        8: 2.306,
        9: 2.26216,
        10: 2.22814,
    }
    values, kept = {}, []

    def t_point(freedom):
        if freedom not in points:
            raise ValueError(
                f"t_point takes degrees of freedom, a whole number; it was given {freedom!r} (its table ends at {max(points)})"
            )
        return points[freedom]

    def four(name, x, y):
        before = x.copy(), y.copy()
        for what, value in zip(("slope", "low", "high", "R2"), answer(x, y, t_point), strict=True):
            values[f"{what}, {name}"] = float(value)
        kept.append(np.array_equal(x, before[0]) and np.array_equal(y, before[1]))

    x = np.array([1.0, 2.0, 4.0, 8.0]) * draw.uniform(0.5, 3)
    four("4 points", x, 4.2 * np.log2(x) + 20 + draw.normal(0, 0.8, 4))
    x = np.sort(draw.uniform(1, 60, 5))
    four("5 points", x, 2.0 * np.log2(x) - 5 + draw.normal(0, 1.5, 5))
    x = np.array([3.0, 11.0, 90.0])
    four("3 points", x, 10 - 3 * np.log2(x) + draw.normal(0, 0.5, 3))
    x = draw.permutation(np.exp(draw.uniform(0, 12, 9)))
    four("9 points in any order, falling", x, 70 - 1.5 * np.log2(x) + draw.normal(0, 2, 9))
    x = 2.0 ** np.arange(5)
    four("exactly on a line", x, 3 + 2.5 * np.arange(5))
    values["x and y stay as they were"] = "yes" if all(kept) else "no"
    refused = {
        "two points": [1.0, 2.0],
        "x = 0": [0.0, 1.0, 2.0],
        "x = 0 among six": [4.0, 1.0, 0.0, 2.0, 8.0, 3.0],
    }
    for name, x in refused.items():
        try:
            with np.errstate(all="ignore"):  # a t for any freedom: the refusal has to be the answer's own
                answer(np.array(x), np.arange(len(x)) * 1.0 + 1, lambda freedom: points.get(freedom, 12.7062))
            values[f"{name}: refused with a ValueError"] = "no"
        except NotImplementedError:
            raise
        except ValueError:
            values[f"{name}: refused with a ValueError"] = "yes"
        except Exception:
            values[f"{name}: refused with a ValueError"] = "no, with another error"
    return values


# %% [markdown] tags=["hint"] exercise="9.8"
# "Per doubling" is decided by the logarithm that you take: by how much does it grow when x doubles?

# %% [markdown] tags=["hint"] exercise="9.8"
# Centre both: u minus its mean, y minus its mean. The slope is one product of the two divided by one of the first with itself, and the residuals are the centred y minus slope times the centred u.

# %% [markdown] tags=["hint"] exercise="9.8"
# The residuals are squared and added *once*: that sum divided by n - 2 goes into the error, the same sum divided by that of the centred y goes into R2. The interval reaches t_point(n - 2) standard errors to both sides.

# %% tags=["check"] exercise="9.8"
check("9.8", scaling_fit)

# %% tags=["use"]
from scipy.stats import t


def t_point(freedom):
    """97.5 % point of Student's t."""
    return t.ppf(0.975, freedom)


by_size = {
    "Web-DINO, size": webssl[webssl["table"] == 6],
    "CLIP (MetaCLIP), size": webssl[webssl["table"] == 12],
}
rows = []
for group in GROUPS:
    rows.append(
        (
            "images seen, 7B",
            group,
            *scaling_fit(seen["samples_seen_b"].to_numpy(), seen[group].to_numpy(), t_point),
            len(seen),
        )
    )
    for name, part in by_size.items():
        rows.append(
            (
                name,
                group,
                *scaling_fit(part["params_b"].to_numpy(), part[group].to_numpy(), t_point),
                len(part),
            )
        )
fits = pd.DataFrame(rows, columns=["what doubles", "category", "slope", "low", "high", "R2", "points"])
display(fits.round(3))

# %% tags=["figure"]
figure, axis = plt.subplots(figsize=(9, 4.6))
kinds = list(dict.fromkeys(fits["what doubles"]))
for position, kind in enumerate(kinds):
    part = fits[fits["what doubles"] == kind]
    height = np.arange(len(part))[::-1] + 0.25 * (1 - position)
    colour = plt.cm.viridis(0.1 + 0.38 * position)
    axis.hlines(height, part["low"], part["high"], color=colour, linewidth=4, label=kind)
    axis.plot(part["slope"], height, "o", color="black", markersize=4)
axis.set_yticks(np.arange(len(GROUPS)), list(GROUPS)[::-1])
axis.axvline(0, color="black", linewidth=0.8)
axis.set_xlabel("gain per doubling (points), 95 % interval")
axis.legend(title="what doubles", loc="upper left", bbox_to_anchor=(1.01, 1))
ocr = fits[(fits["category"] == "OCR & Chart") & (fits["what doubles"] == "images seen, 7B")].iloc[0]
clear = int(((fits["low"] > 0) | (fits["high"] < 0)).sum())
axis.set_title(
    f"OCR & Chart: {ocr['slope']:+.2f} per doubling of the images; {clear} of {len(fits)} slopes are clearly not 0 (by chance: {0.05 * len(fits):.1f})"
)
viz.alt(
    figure,
    "Slopes per doubling with intervals for four categories, for images seen and for the sizes of two families.",
)
display(
    Markdown(
        f"OCR & Chart gains **{ocr['slope']:+.2f}** points per doubling of the images seen, between {ocr['low']:.2f} and {ocr['high']:.2f}, with $R^2$ = {ocr['R2']:.3f}. "
        f"With 1.96 in place of t the interval would be less than half as wide ({1.96 / t_point(2):.2f} of it).\n\n"
        f"**What it cannot show.** Each point is one training run, so the interval knows nothing of how much a second run would differ. Four points say little about the next doubling: taken literally, the line reaches 100 % after "
        f"{(100 - seen['OCR & Chart'].iloc[-1]) / ocr['slope']:.0f} more doublings. And $R^2$ near 1 says that the points lie on the line, not that the slope is large."
    )
)

# %% [markdown]
# ## 10 · What you can trust
#
# You wrote every step, so you know where each can mislead. Before you believe a line of a leaderboard, ask:
#
# - **Order**: is it online Elo? Then part of the rating is the order of the votes (9.1). Bradley-Terry has none (9.2).
# - **Unit**: what was resampled? Intervals from single votes are too narrow when votes share questions (9.3).
# - **Rules**: what became of ties, strong verdicts and missing ones? Two columns of one table can use two rules (9.4).
# - **Chance**: is agreement above chance, and above that of two people (9.5)? Is alignment above the *maximum* of noise (9.7)?
# - **Style**: at which length are models compared (9.6)?
# - **Few points**: how many runs stand behind a slope (9.8)?
#
# Data: LLMFAO (CC BY 4.0), WildVision-Bench (MIT), tables of arXiv:2406.11069 and arXiv:2504.01017. `print(datasets.source())` says where each file came from.

# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: slideshow,tags
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Benchmarking foundation models
# **Lecture 09.** Two models answer your question. Which is better? Thousands of such votes make a leaderboard, and a leaderboard
# decides what people use. This lecture builds one, from the single vote to the printed table, and then asks of every table:
# *what would have to change for the order to change?*
#
# | part | question |
# |---|---|
# | 1–3 | You vote. How do votes become ratings: online Elo, Bradley-Terry? |
# | 4–5 | A real arena: who met whom, and how sure is a rank? |
# | 6 | WildVision-Arena: what one number hides |
# | 7–8 | A judge instead of voters: scores, missing verdicts, weights |
# | 9–10 | Does the judge agree with people? Position, length |
# | 11 | Openness, and academic averages against votes |
# | 12–13 | Sixteen VQA benchmarks, a misprint, scaling with intervals |
# | 14 | Do images and texts have the same neighbours? |
# | 15 | What you can trust in a leaderboard |
#
# Everything is computed here from published verdicts and tables, or from answers whose quality is known.
# In a running notebook the figure marked **▶** can be played.

# %% slideshow={"slide_type": "skip"}
import time

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from scipy.stats import binomtest, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib import checkpoints, data, evaluate, viz
from course_lib.arena import (
    BENCHMARKS,
    CATEGORIES,
    FILTER_ROWS,
    Matchmaker,
    PROTOCOLS,
    RuleJudge,
    SYSTEM_ROWS,
    WILDVISION_TABLE_1,
    agreement,
    agreement_intervals,
    battles_table,
    bootstrap,
    bradley_terry,
    category_means,
    check_averages,
    check_battle_counts,
    check_votes,
    count_matrix,
    default_answerers,
    discordance,
    drawn_from,
    elo_over_orders,
    elo_scale,
    filter_table,
    items_needed,
    judge_battles,
    judge_table,
    leaderboard,
    length_difference,
    load,
    misprints,
    missing_rules,
    online_elo,
    openness,
    outlier_voters,
    paired_differences,
    per_category,
    percentiles,
    points,
    pool,
    position_bias,
    preference,
    rao_kupper,
    sandwich,
    says,
    score_errors,
    score_intervals,
    simulate,
    star_scores,
    style_controlled,
    swapped,
    system_table,
    toolkit_table,
    verdict_battles,
    vote_statistics,
    votes_of,
    win_fraction,
    win_rates,
)
from course_lib.arena.published.openness import COLUMNS
from course_lib.evaluate.layer_alignment import layer_alignment
from course_lib.evaluate.scaling import log_linear_fit, power_law_fit
from course_lib.evaluate.scaling_compare import crossing, slope_difference
from course_lib.evaluate.scaling_factors import exposure
from course_lib.viz import arena_figures, judge_figures, ranking_figures, scaling_figures
from course_lib.viz.widgets.arena import ArenaGame
from course_lib.world import World, WorldConfig

started = time.perf_counter()
pd.set_option("display.width", 160)


def say(text):
    display(Markdown(text))


def show(figure):
    viz.alt(figure, figure.alt_text)


def place(ratings, model):
    """Place from the top, 1 is best."""
    return int(ratings.rank(ascending=False, method="min")[model])


def at_most(difference, unit=""):
    """A tiny difference in words, without "0e+00"."""
    return f"at most {difference:.0e}{unit}" if difference else "nothing at all"


# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="play"></a>
# ## 1 · You vote first ▶
# Below, a picture, a question and two answers without names. Choose the better one, or *tie*, or *both bad*. Vote on ten pairs
# before you read on, and look for two things:
# 1. Did you ever vote for an answer because it was *longer*?
# 2. Did you look at the picture each time?
#
# This is an **arena**: anonymous pairs, one vote per pair. The names appear after the vote. Chatbot Arena (Chiang et al. 2024)
# and WildVision-Arena (Lu et al. 2024) work in this way. For a whole class, `course arena serve` puts the same game on one page
# and keeps the votes in a database.

# %% slideshow={"slide_type": "-"}
answerers = {one.name: one for one in default_answerers()}
questions = pool(120)
said = {
    (name, place_): one.answer(q.scene, q.question, 0)
    for name, one in answerers.items()
    for place_, q in enumerate(questions)
}
game = ArenaGame(rounds=10, questions=questions)
game

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Who answered?
# No trained vision-language model is small enough for this page. So the eight "models" are *samplers*: each gives the right answer
# with a known probability for each family of questions, and a plausible wrong one otherwise, in a style of its own. That is
# an advantage: **the truth is known**, and every method below can be held against it. Two of them, Otter-Brief and Otter-Chat,
# are right equally often. Otter-Chat uses more words.

# %% slideshow={"slide_type": "-"}
quality = pd.DataFrame({name: one.accuracy for name, one in answerers.items()}).T
quality.insert(0, "style", [one.style for one in answerers.values()])
quality["all"] = quality.drop(columns="style").mean(axis=1)
truth = quality["all"].astype(float).sort_values(ascending=False)
display(quality.loc[truth.index])

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The votes of a class
# Give the database of your class below, or play on: as soon as the votes connect all models, parts 2 and 3 use them. Until then, and always in parts 6, 9 and 10, where the truth must be known, a
# simulated class votes: 40 people, 1,200 votes. They look at the picture in 90 % of the votes and press any button in the rest. Where both answers are right, or both
# wrong, half of the time they take the *longer* one.


# %% slideshow={"slide_type": "-"}
def simulated_class(votes=1200, voters=40, seed=0, taste=0.5):
    """Battles of the eight samplers, one row a vote, with the question and the length of both answers in words."""
    pairs, rows = Matchmaker(list(answerers), len(questions), seed=seed), []
    words = {"left": "model_a", "right": "model_b", "tie": "tie", "both bad": "tie (bothbad)"}
    for number in range(votes):
        drawn = pairs.draw(number)
        pairs.note(drawn.model_a, drawn.model_b)
        q = questions[drawn.question]
        left, right = said[drawn.model_a, drawn.question], said[drawn.model_b, drawn.question]
        vote = preference(left, right, q.question.answer, drawn_from("voter", number), taste, care=0.9)
        rows.append(
            {
                "id": number,
                "model_a": drawn.model_a,
                "model_b": drawn.model_b,
                "winner": words[vote],
                "question": drawn.question,
                "voter": number % voters,
                "category": q.family,
                "domain": q.domain,
                "words_a": len(left.split()),
                "words_b": len(right.split()),
            }
        )
    return pd.DataFrame(rows)


CLASS_DATABASE = None  # the file that `course arena serve --db` writes


def ratable(battles):
    """Whether Bradley-Terry strengths exist: every model took a point and lost one."""
    try:
        return len(battles) > 0 and len(bradley_terry(battles)) > 1
    except ValueError:
        return False


real = battles_table(CLASS_DATABASE) if CLASS_DATABASE else game.battles()
simulation = simulated_class()
votes = real if ratable(real) else simulation
say(
    f"{len(votes):,} votes ({'real ones' if votes is real else 'of the simulated class'}): "
    + ", ".join(f"{name} {count:,}" for name, count in votes.winner.value_counts().items())
    + "."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="elo"></a>
# ## 2 · Online Elo: one battle at a time
# Each model has a rating $R$. Before a battle, the **expected score** of model $a$ follows from the difference alone:
#
# $$E_a = \frac{1}{1 + 10^{(R_b - R_a)/400}}$$
#
# 400 points more are odds of 10 to 1. After the battle the rating moves towards what happened: $R_a \leftarrow R_a + K\,(S_a - E_a)$ and
# $R_b \leftarrow R_b - K\,(S_a - E_a)$, with $S_a = 1$ for a win, $\tfrac12$ for a tie of either kind, 0 for a loss. WildVision-Arena's code uses $K = 4$ and
# starts at 1000 (its paper's table uses part 3 instead, *because* of what you see below). What one gains the other loses, so the mean stays 1000.


# %% slideshow={"slide_type": "-"}
def one_battle(ratings, a, b, score, k=4):
    """Elo's update: `ratings` are changed in place. score: 1, 0.5 or 0, seen from a."""
    expected = 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400))
    ratings[a] += k * (score - expected)
    ratings[b] -= k * (score - expected)


def rating_paths(battles):
    """Ratings after each battle: (battles, models)."""
    ratings = dict.fromkeys(sorted({*battles.model_a, *battles.model_b}), 1000.0)
    rows = []
    for battle in battles.itertuples():
        score = {"model_a": 1.0, "model_b": 0.0}.get(battle.winner, 0.5)
        one_battle(ratings, battle.model_a, battle.model_b, score)
        rows.append(dict(ratings))
    return pd.DataFrame(rows)


paths = rating_paths(votes)
live = online_elo(votes)
assert np.allclose(paths.iloc[-1][live.index], live)
show(arena_figures.rating_paths(paths))

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Before you read on:** shuffle the rows of the table of votes. Which of these numbers change: who voted what, how often each model
# won, the Elo ratings?

# %% slideshow={"slide_type": "-"}
crowd = load("llmfao_crowd")
orders = elo_over_orders(crowd, rounds=60)
on_file = online_elo(crowd)
show(arena_figures.order_spread(orders, on_file, most=15))

# %% [markdown] slideshow={"slide_type": "-"}
# These are real votes (LLMFAO, part 4). Only the order differs, and the order is no property of a model. Online Elo was made for
# chess players, whose strength changes: the last games count most. A frozen model does not change.

# %% slideshow={"slide_type": "-"}
leaders = orders.idxmax(axis=1).value_counts()
gap = on_file.iloc[0] - on_file.iloc[1]
ends = orders.agg(["min", "max"])[on_file.index]  # the models in the order of on_file
outside = int(((on_file < ends.loc["min"]) | (on_file > ends.loc["max"])).sum())
say(
    f"On file the first two are {on_file.index[0]} and {on_file.index[1]}, {gap:.1f} points apart. Over {len(orders)} orders "
    + ", ".join(f"{model} leads {count} time{'s' * (count != 1)}" for model, count in leaders.items())
    + f". {outside} of {len(on_file)} ratings on file lie outside all {len(orders)} random orders: the file goes prompt by prompt, so the last prompts weigh most; an order with a pattern can do more than a random one. The {len(orders.columns)} ratings move by {(orders.max() - orders.min()).mean():.0f} points on average, from the order alone. "
    "A larger K makes it worse, a smaller one slower: after few battles the ratings still remember the start."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="bt"></a>
# ## 3 · Bradley-Terry: all battles at once
# Give each model a strength $p_i > 0$ and let
#
# $$P(i \text{ beats } j) = \frac{p_i}{p_i + p_j}$$
#
# (Bradley & Terry 1952). Take the strengths under which the votes are most likely: **maximum likelihood**. With $w_{ij}$ the points that
# $i$ took from $j$ (a tie is half a point to each) the log-likelihood is $\sum_{i \ne j} w_{ij} \log \frac{p_i}{p_i + p_j}$. No order in it. Elo's
# scale comes last: $R_i = 400 \log_{10} p_i + c$. It is logistic regression with one column per model, +1 for $a$ and −1 for $b$.
#
# The likelihood can be climbed without any step size (Zermelo 1929; Hunter 2004): set the derivative to zero and repeat
#
# $$p_i \leftarrow \frac{\sum_j w_{ij}}{\sum_j \frac{w_{ij} + w_{ji}}{p_i + p_j}}$$


# %% slideshow={"slide_type": "-"}
def climb(points_taken, steps=500):
    """Bradley-Terry strengths from w (M, M), w[i, j] = points that i took from j. Sums to 1."""
    strengths = np.full(len(points_taken), 1 / len(points_taken))
    met = points_taken + points_taken.T  # (M, M)
    for _ in range(steps):
        strengths = points_taken.sum(1) / (met / (strengths[:, None] + strengths)).sum(1)
        strengths /= strengths.sum()
    return strengths


models = sorted({*votes.model_a, *votes.model_b})
taken = pd.DataFrame(0.0, index=models, columns=models)
for battle in votes.itertuples():
    score = {"model_a": 1.0, "model_b": 0.0}.get(battle.winner, 0.5)
    taken.loc[battle.model_a, battle.model_b] += score
    taken.loc[battle.model_b, battle.model_a] += 1 - score
library = bradley_terry(votes)
by_hand = pd.Series(climb(taken.to_numpy()), index=models)[library.index]
assert np.allclose(by_hand, library, atol=1e-6)
ratings = elo_scale(library)
shuffled = elo_scale(bradley_terry(votes.sample(frac=1, random_state=1)))
say(
    f"Seven lines and the library differ by {at_most((by_hand - library).abs().max())} in strength. Shuffled rows change a rating "
    f"by {at_most((shuffled - ratings).abs().max(), ' points')}. {ratings.index[0]} is predicted to beat {ratings.index[-1]} in "
    f"{100 * win_rates(library).iloc[0, -1]:.0f} % of battles."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Against the truth
# The samplers' true accuracies are known. Does either method find their order? And what about the twins?

# %% slideshow={"slide_type": "-"}
methods = pd.DataFrame({"true accuracy": truth, "online Elo": live, "Bradley-Terry": ratings}).dropna()
methods = methods.sort_values("true accuracy", ascending=False, kind="stable")
display(methods.round(2))
no_taste = elo_scale(bradley_terry(simulated_class(taste=0.0)))
twins = methods.loc["Otter-Chat"] - methods.loc["Otter-Brief"] if "Otter-Chat" in methods.index else None
say(
    "Rank correlation with the true accuracy (Spearman's ρ: 1 is the same order, 0 no relation): "
    + ", ".join(
        f"{name} {spearmanr(methods['true accuracy'], methods[name])[0]:.2f}"
        for name in ("online Elo", "Bradley-Terry")
    )
    + (
        f". Otter-Chat stands {twins['Bradley-Terry']:+.0f} points above Otter-Brief, which is right just as often; "
        f"had the simulated class no taste for length, the gap would be {no_taste['Otter-Chat'] - no_taste['Otter-Brief']:+.0f}. With eight models one swap moves ρ by some hundredths: this is no contest between the methods. "
        "Both believe the votes; neither knows *why* people voted. Part 10 comes back to it."
        if twins is not None
        else "."
    )
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Where the maximum does not exist
# A model that never lost a point gets an infinite strength: the likelihood grows without end. When the models
# fall into groups that never met, the trouble is another one: any shift of one group against the other is equally likely, so there is no *single* maximum. A library should say so. Ours does; a **penalty** on the squared log strengths gives
# a finite answer by pulling all models together, which is what WildVision-Arena's code does by default (scikit-learn's logistic
# regression has such a penalty unless it is turned off).

# %% slideshow={"slide_type": "-"}
flawless = pd.DataFrame(
    {"model_a": ["A", "A", "B"], "model_b": ["B", "C", "C"], "winner": ["model_a"] * 2 + ["tie"]}
)
try:
    bradley_terry(flawless)
except ValueError as error:
    say(f"`bradley_terry(flawless)`: *{error}*")
display(elo_scale(bradley_terry(flawless, penalty=0.1)).round(0).to_frame("with penalty 0.1"))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Is a tie half a win?
# That is a choice. Rao & Kupper (1967) give ties a parameter of their own, $\theta \ge 1$: $P(i \text{ beats } j) = \frac{p_i}{p_i + \theta p_j}$, and
# what is left over is the tie. At $\theta = 1$ there are no ties. What does the choice do to the real votes, where ties are common?

# %% slideshow={"slide_type": "-"}
half, explicit = bradley_terry(crowd), rao_kupper(crowd)
moves = (half.rank() - explicit.strengths.rank()).abs()
stretch = np.log(explicit.strengths[half.index]).std() / np.log(half).std()
say(
    f"{(crowd.winner == 'tie').mean():.0%} of LLMFAO's votes are ties; θ = {explicit.tie:.2f}, so two equal models tie with probability "
    f"{(explicit.tie - 1) / (explicit.tie + 1):.2f}. Places move by {moves.mean():.1f} on average and {moves.max():.0f} at most among {len(half)} "
    f"models. But log strengths are spread {stretch:.2f} times as wide: *points* of two leaderboards with different tie rules cannot be compared."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="crowd"></a>
# ## 4 · A real arena
# LLMFAO (Ustalov 2023, CC BY 4.0): crowd workers compared answers of language models to the same prompts. It is
# text, not images, and it is small, but every vote comes with its voter and its prompt. WildVision's repositories hold no votes.

# %% slideshow={"slide_type": "-"}
per_question = crowd.groupby("question").size()
say(
    f"**{len(crowd):,} votes** on {crowd.comparison.nunique():,} comparisons, {len(half)} models, "
    f"**{crowd.question.nunique()} prompts**, {crowd.voter.nunique()} voters. Remember the number of prompts. A prompt has "
    f"{per_question.min()} to {per_question.max()} votes."
)
most = pd.concat([crowd.model_a, crowd.model_b]).value_counts().index[:10]
inner = crowd[crowd.model_a.isin(most) & crowd.model_b.isin(most)]
show(arena_figures.count_and_win(count_matrix(inner), win_fraction(inner)))

# %% [markdown] slideshow={"slide_type": "-"}
# The two heat maps of WildVision's Figure 4, here for the ten models with the most votes. Read the left one first. Where the count is small,
# the colour on the right is noise. A cell and its mirror sum to 100 %. Bradley-Terry fills the grey cells
# by *assuming* one number per model: if $a$ beats $b$ and $b$ beats $c$, then $a$ beats $c$.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Sides and voters
# Two checks before any rating. Is the answer on the left chosen more often? Does someone vote against everyone else?

# %% slideshow={"slide_type": "-"}
side = position_bias(crowd.winner)
predicted = win_rates(half)
expected = np.mean([predicted.loc[a, b] for a, b in zip(crowd.model_a, crowd.model_b, strict=True)])
observed = crowd.winner.map({"model_a": 1.0, "model_b": 0.0, "tie": 0.5}).mean()
voters = outlier_voters(crowd)
odd = voters[voters.outlier]
without = elo_scale(bradley_terry(crowd[~crowd.voter.isin(odd.index)]))
shift = (without - elo_scale(half)).abs()
say(
    f"Among decided votes {side}. Were the better models on the left? The fitted strengths expect {100 * expected:.1f} % of the points there, "
    f"{100 * observed:.1f} % were given. "
    + ("Better models on the left do not explain it. " if expected < 0.505 < observed else "")
    + "(The p-value takes votes as independent; several voters saw the same pair, so it is too small.)"
    f"\n\nThe outlier test multiplies, vote by vote, how surprising a voter is to the others, and calls at 20 (5 % false alarms per voter, "
    f"however long one looks). It names {len(odd)} of the {len(voters)} voters with at least five decided votes (the first 100 of each are read): "
    + ", ".join(f"voter {v} with {int(row.votes)} decided votes" for v, row in odd.iterrows())
    + f". With {len(voters)} voters up to {0.05 * len(voters):.0f} false alarms would be no surprise, so a name is a reason to look, not a proof.\n\nWithout {'this voter' if len(odd) == 1 else 'them'} ratings move by up to {shift.max():.0f} points ({shift.idxmax()})."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="intervals"></a>
# ## 5 · How sure is a rank?
# Another week, other votes. The **bootstrap** imitates this: draw as many votes *with replacement* as there are, fit again, repeat. The
# middle 95 % of the ratings is the interval. But what would be different in another week? The *votes* on the same
# prompts, or the *prompts* themselves? Votes on one prompt are alike: a prompt that suits a model suits it for all voters. If other prompts
# could have been asked, prompts must be resampled, each with all its votes: a **block bootstrap**.

# %% slideshow={"slide_type": "-"}
by_vote = leaderboard(crowd, rounds=200)
by_prompt = leaderboard(crowd, rounds=200, unit="question")
show(arena_figures.leaderboard(by_vote, by_prompt, ("by vote", "by prompt"), most=20))

# %% slideshow={"slide_type": "-"}
width = {name: (t.high - t.low).mean() for name, t in (("vote", by_vote), ("prompt", by_prompt))}
share_one = {name: int((t["rank"] == 1).sum()) for name, t in (("vote", by_vote), ("prompt", by_prompt))}
say(
    f"Mean width of an interval: {width['vote']:.0f} points by vote, **{width['prompt']:.0f} points by prompt**. The number beside a name is its "
    f"**rank by interval**, as on Chatbot Arena's page: 1 + how many models lie *entirely* above. By vote {share_one['vote']} models share rank 1, by prompt "
    f"{share_one['prompt']}. And {crowd.question.nunique()} prompts are so few that even the wider interval is optimistic."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Which interval keeps its promise?
# Only a simulation can tell, since the truth must be known. Six models, 3,000 votes on 150 questions, and each question prefers some models (0.6 of a
# battle's variance). An interval promises to hold the true difference of first and last in 95 of 100 arenas. We build 150 arenas.


# %% slideshow={"slide_type": "-"}
def holds(effect, unit, runs=150):
    """In how many simulated arenas the 95 % interval of log p_first - log p_last holds the truth."""
    strength = pd.Series([0.30, 0.25, 0.18, 0.13, 0.09, 0.05], index=list("abcdef"))
    true, hits = np.log(strength["a"] / strength["f"]), 0
    for run in range(runs):
        battles = simulate(strength, 3000, ties=0.5, questions=150, question_effect=effect, seed=run)
        found, spread = np.log(bradley_terry(battles)), sandwich(battles, unit=unit)
        error = np.sqrt(spread.loc["a", "a"] + spread.loc["f", "f"] - 2 * spread.loc["a", "f"])
        hits += abs(found["a"] - found["f"] - true) < 1.96 * error
    own = binomtest(int(hits), runs).proportion_ci(method="wilson")  # of the share itself
    return {"share": hits / runs, "low": own.low, "high": own.high}


covered = pd.DataFrame(
    {
        "questions do not matter, by vote": holds(0.0, None),
        "questions matter, by vote": holds(0.6, None),
        "questions matter, by question": holds(0.6, "question"),
    }
).T
show(ranking_figures.coverage(covered))

# %% [markdown] slideshow={"slide_type": "-"}
# The intervals here are not bootstrapped but computed by the **sandwich** formula $H^{-1} G H^{-1}$: $H$ is the
# curvature of the log-likelihood, $G$ the scatter of the votes' (or the questions') gradients.

# %% slideshow={"slide_type": "-"}
formula = leaderboard(crowd, method="sandwich", unit="question")
say(
    f"On LLMFAO's votes it gives {(formula.high - formula.low).mean():.0f} points by prompt, the bootstrap {width['prompt']:.0f}: nearly the same, without drawing. "
    "**Resample what you would draw anew.**"
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="wildvision"></a>
# ## 6 · WildVision-Arena: what one number hides
# Lu et al. 2024 (arXiv:2406.11069): 22 vision-language models, votes of visitors who bring their own pictures. The votes are not in
# its repositories, so these ratings are not recomputed here. Its tables can be *checked*. Never quote a table before you have added it up.

# %% slideshow={"slide_type": "-"}
arena = load("wvarena_leaderboard_paper_table2").set_index("paper_name")
t1 = WILDVISION_TABLE_1
found = check_votes(t1) + check_battle_counts(arena.battles, t1["votes"])
say(
    f"Table 1: {t1['left']:,} left + {t1['right']:,} right + {t1['tie']:,} tie + {t1['bad']:,} bad = {t1['votes']:,} votes; {t1['anonymous']:,} anonymous + "
    f"{t1['named']:,} named. What does not fit:\n"
    + "".join(f"- {sentence}\n" for sentence in found)
    + f"- The 22 Elo ratings have mean {arena.elo.mean():.2f}. Ratings centred on 1000 over exactly these models would have mean 1000; rounding explains at most 0.5.\n\n"
    "Nothing here is a scandal, and the paper gives no reason. Possible ones: a digit cut off; Table 1 counts only the votes that were sorted into categories; models that left the list. "
    "But two tables of one paper need not be one data set."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What was asked?
# WildVision sorts its votes along two axes: category of the question (Figure 2) and domain of the image (Figure 3). The same for the simulated class, counted from its log:

# %% slideshow={"slide_type": "-"}
tally = vote_statistics(simulation)
display(pd.crosstab(simulation.category, simulation.domain, margins=True, margins_name="all"))
say(
    f"{tally['votes']:,} votes: {tally['left']} left, {tally['right']} right, {tally['tie']} ties, {tally['bad']} both bad; identities broken: {len(check_votes(tally))}. "
    "Only signs and charts can be read, so the axes are not independent: what looks like an effect of the domain can be one of the question."
)

# %% slideshow={"slide_type": "-"}
# two samples: one that all samplers but one get right, and the hardest of all
right_of = pd.DataFrame(
    {name: [says(said[name, i], q.question.answer) for i, q in enumerate(questions)] for name in answerers}
)
solved = right_of.sum(axis=1)
for chosen in (int((solved - 7).abs().idxmin()), int(solved.idxmin())):
    q = questions[chosen]
    card = {name: (said[name, chosen], bool(right_of.loc[chosen, name])) for name in truth.index}
    show(judge_figures.answer_card(q.image().transpose(2, 0, 1), q.question.text, q.question.answer, card))

# %% [markdown] slideshow={"slide_type": "-"}
# WildVision's Table 3 shows two such cards; its second is hard for all models. On a question that all fail, or all solve, an *accuracy*
# cannot tell models apart. A *vote* still can: then style decides.

# %% slideshow={"slide_type": "subslide"}
domains = ["analytical", "descriptive", "recognition", "entertainment", "objects", "expert"]
show(arena_figures.category_deviations(arena[["elo", *domains]].astype(float), "elo"))

# %% slideshow={"slide_type": "-"}
small = arena.nsmallest(3, "battles")
swaps = {name: spearmanr(arena.elo, arena[name])[0] for name in domains}
say(
    "Table 2 of the paper: rating over all votes (beside the name), and how far the rating in each question category and image domain lies from it. "
    "Spearman's ρ with the overall order: "
    + ", ".join(f"{name} {value:.2f}" for name, value in swaps.items())
    + ". Before you explain a large cell, look at how few battles are behind it: "
    + ", ".join(f"{name} has {int(row.battles)}" for name, row in small.iterrows())
    + " in all, and each category only a part of them. The paper prints no intervals per category."
)

# %% slideshow={"slide_type": "subslide"}
# the same for our class, where the reason is known: what each sampler is good at
own = per_category(simulation, lambda battles: elo_scale(bradley_terry(battles, penalty=0.1)))
show(arena_figures.category_deviations(own.rename(columns=lambda c: c.replace("_", " "))))
blind = own.loc["Finch-Eye"]
say(
    f"Our class. Newt-Reader reads signs and charts ({quality.loc['Newt-Reader', 'ocr_chart']:.0%} right) and is middling elsewhere; Finch-Eye cannot read "
    f"({quality.loc['Finch-Eye', 'ocr_chart']:.0%}): {blind['ocr_chart'] - blind['all']:+.0f} points. The mean of all questions depends on how many of each kind are asked."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="judge"></a>
# ## 7 · A judge instead of voters
# People are slow. WildVision-Bench takes 500 questions from the arena, lets each model answer, and asks a strong model, the **judge** (GPT-4o), to compare
# the answer with that of one fixed **reference** (Claude-3-Sonnet). The judge gives one of five **verdicts**. A is the reference:
#
# | verdict | A>>B | A>B | A=B | B>A | B>>A |
# |---|---|---|---|---|---|
# | the model is | much worse | worse | tied | better | much better |
# | reward | −100 | −50 | 0 | +50 | +100 |
# | battles | 3 lost | 1 lost | 1 tie | 1 won | 3 won |
#
# **Win rate**: share of questions with *better* or *much better*. **Reward**: mean of the second row. **Score**: expected win rate by Bradley-Terry, where a
# strong verdict counts as three battles. Every model meets only the reference, the graph is a star, so the fit has a closed form:
#
# $$\text{score} = 100 \cdot \frac{3 n_{B \gg A} + n_{B > A} + \tfrac12 n_{A = B}}{3 (n_{B \gg A} + n_{A \gg B}) + n_{B > A} + n_{A > B} + n_{A = B}}$$

# %% slideshow={"slide_type": "-"}
verdicts = load("wvbench_verdicts")
paper = load("wvbench_leaderboard_paper_table4")
readme = load("wvbench_leaderboard_readme").set_index("model")
REFERENCE = "claude-3-sonnet-20240229"
names = dict(zip(paper.repo_model, paper.paper_name, strict=True)) | {
    REFERENCE: "Claude-3-Sonnet",
    "llava-1.5-7b-hf": "LLaVA-1.5-7B",
    "aria": "Aria",
}
table = judge_table(verdicts)
printed = paper.dropna(subset="repo_model").set_index("repo_model")
off = (table.score[printed.index] - printed.score).abs()
off_readme = (
    judge_table(verdicts, "published", verdict="stored_verdict").score[readme.index] - readme.score
).drop(REFERENCE)
battles = verdict_battles(verdicts, REFERENCE)
fitted = bradley_terry(battles, "weight")
closed = 100 * fitted / (fitted + fitted[REFERENCE])
say(
    f"From {len(verdicts):,} released verdicts: all {len(off)} scores of the paper's Table 4 that have verdicts come out, largest difference {off.max():.3f} "
    f"(rounding). So do all {len(off_readme)} scores of the README, largest difference {off_readme.abs().max():.3f}, but **by another rule**: see part 8. Closed form against a "
    f"full Bradley-Terry fit: the scores differ by {at_most((closed.drop(REFERENCE) - star_scores(battles)).abs().max())}."
)
show(judge_figures.verdict_shares(table.drop(REFERENCE).rename(names)))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Does the bench rank like the arena?
# "Automatic model scorings on WV-Bench closely correlate with the Elo ratings" (Lu et al. 2024, Figure 1). Before you look: how were the 500 questions chosen? The paper says filtered, without
# copies, diverse. The data set's card says "the selected 500 examples that best simulates the vision-arena elo ranking". If so, the agreement is partly built in; new models would be the test.

# %% slideshow={"slide_type": "-"}
bench = paper.assign(key=paper.paper_name.str.lower()).set_index("key")
voted = arena.reset_index().assign(key=lambda t: t.paper_name.str.lower()).set_index("key")
both = bench.join(voted[["elo", "mmmu"]], how="inner").set_index("paper_name")
rho = {c: spearmanr(both[c], both.elo)[0] for c in ("score", "win_rate_pct", "reward", "avg_tokens")}


def rank_correlation(x, y):
    """Statistic for `bootstrap`: Spearman's rho of two columns."""
    return lambda rows: float(spearmanr(rows[x], rows[y])[0])


drawn = percentiles(bootstrap(both, rank_correlation("score", "elo"), rounds=400))
show(
    ranking_figures.against(
        both.score,
        both.elo.astype(float),
        {"x": "WV-Bench score (judge, %)", "y": "WV-Arena Elo (people, points)"},
        f"Bench and arena order {len(both)} models alike: Spearman {rho['score']:.3f}",
    )
)

# %% slideshow={"slide_type": "-"}
academic = both.dropna(subset="mmmu")
mmmu = spearmanr(academic.elo, academic.mmmu)[0]
windows = {ends: both[both.elo.between(*ends)] for ends in ((900, 1110), (950, 1070))}
say(
    f"Spearman with arena Elo over {len(both)} models: score **{rho['score']:.3f}** (resampling the models: {drawn.low.iloc[0]:.2f} to {drawn.high.iloc[0]:.2f}), win rate "
    f"**{rho['win_rate_pct']:.3f}**, reward {rho['reward']:.3f}; only the win rate rounds to the abstract's 0.94. The academic benchmark MMMU reaches {mmmu:.3f} over the {len(academic)} of them that have "
    f"it. The mere number of tokens of an answer: {rho['avg_tokens']:.2f}. A ρ depends on how far apart the models are: "
    + ", ".join(
        f"{spearmanr(w.score, w.elo)[0]:.2f} over the {len(w)} between {a} and {b} points"
        for (a, b), w in windows.items()
    )
    + "."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="missing"></a>
# ## 8 · What the table does not say
# **Missing verdicts.** Sometimes the judge gives no label, or its server fails. What then? *Drop* the question, or call it a *tie*? The released field says tie;
# the paper's scores drop. Whatever the judge would have said, the score lies between *all lost* and *all won*.

# %% slideshow={"slide_type": "-"}
rules = missing_rules(verdicts.rename(columns={"stored_verdict": "stored"})).drop(REFERENCE).rename(names)
show(judge_figures.missing_rules(rules))

# %% slideshow={"slide_type": "-"}
lost = verdicts[verdicts.verdict.isna()]
by_question = lost.groupby("question").size()
kits = {kit: toolkit_table(verdicts, kit, "stored_verdict") for kit in ("WildVision-Bench", "lmms-eval")}
place_of = {kit: place(t.score, "claude-3-haiku-20240307") for kit, t in kits.items()}
say(
    f"{len(lost)} of {len(verdicts):,} verdicts are missing, {(lost.judge_text == 'judge_error').sum()} of them because the judge's server failed: {(by_question == 22).sum()} questions for all "
    "22 models. A tie pulls every score towards 50. In the published table score drops them, win rate and reward count them as ties: two denominators "
    f"in one row.\n\n**Weights.** The toolkit lmms-eval counts every verdict once and missing ones as ties. On the same verdicts GPT-4o has "
    f"{kits['lmms-eval'].score['gpt-4o']:.2f} instead of {kits['WildVision-Bench'].score['gpt-4o']:.2f}, and Claude-3-Haiku falls from place {place_of['WildVision-Bench']} to "
    f"{place_of['lmms-eval']} of {len(kits['lmms-eval'])}, the reference counted. A score without its rule is not a result."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Intervals.** The published interval turns each strong verdict into three battles and resamples *battles*. Three copies of one observation are not three observations.

# %% slideshow={"slide_type": "-"}
errors = score_errors(verdicts, REFERENCE)
copies = score_intervals(verdicts, REFERENCE, "battle", rounds=100, seed=42)
questions_ = score_intervals(verdicts, REFERENCE, "question", rounds=100, seed=42)
again = readme.loc[printed.index]
draw_gap = max((printed.ci_lo - again.ci_lo).abs().max(), (printed.ci_hi - again.ci_hi).abs().max())
in_print = (printed.ci_hi - printed.ci_lo).mean()
say(
    f"Mean width over the paper's models: printed {in_print:.1f} points, ours by battle {copies.width[printed.index].mean():.1f}, **by question {questions_.width[printed.index].mean():.1f}**. In closed "
    f"form, without any draw, the published standard errors are {errors.ratio.min():.2f} to {errors.ratio.max():.2f} times too small (mean {errors.ratio.mean():.2f}). And an interval from "
    f"100 draws is itself a draw: paper and README, the same data, differ by up to {draw_gap:.1f} points at an end."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="agree"></a>
# ## 9 · Does the judge agree with people?
# Let person and judge vote on the same pairs and count. For one label, *precision* is how often the person says it where the judge does, *recall* how often the judge says it where
# the person does, and **F1** their harmonic mean, $2pr/(p + r)$. **Macro F1** averages it over the labels, so that rare labels count as much as common ones. **Cohen's kappa**: agreement above chance, $\kappa = (p_o - p_e)/(1 - p_e)$, where $p_e$ is what two unrelated voters with the same habits would
# reach. Three protocols: **4-way** (left, right, tie, bad), **3-way** (tie and bad become *other*), **binary** (only pairs where both chose a side).
#
# Our judge needs no network: it knows the right answer (`RuleJudge`), with noise of a known size. It never says *both bad*.


# %% slideshow={"slide_type": "-"}
def as_comparisons(battles):
    """What a judge gets to see, beside names that it does not see."""
    asked = battles.question
    return pd.DataFrame(
        {
            "question": [questions[i].question for i in asked],
            "scene": [questions[i].scene for i in asked],
            "answer_a": [said[name, i] for name, i in zip(battles.model_a, asked, strict=True)],
            "answer_b": [said[name, i] for name, i in zip(battles.model_b, asked, strict=True)],
            "model_a": battles.model_a.to_numpy(),
            "model_b": battles.model_b.to_numpy(),
        }
    )


comparisons = as_comparisons(simulation)
judges = {
    "fair": RuleJudge(noise=0.6),
    "likes the first": RuleJudge(noise=0.6, position_bias=0.7),
    "likes the longer": RuleJudge(noise=0.6, length_bias=1.0),
}
judged = {name: judge_battles(judge, comparisons) for name, judge in judges.items()}
people, machine = votes_of(simulation.winner), votes_of(judged["fair"].winner)
matrix = pd.crosstab(pd.Series(people, name="class"), pd.Series(machine, name="judge"))
matrix = matrix.reindex(
    index=["left", "right", "tie", "bad"], columns=["left", "right", "tie", "bad"], fill_value=0
)
agreed = {p: agreement_intervals(people, machine, p, unit=simulation.question) for p in PROTOCOLS}
show(judge_figures.vote_matrix(matrix, agreed))

# %% [markdown] slideshow={"slide_type": "subslide"}
# Three protocols, three numbers, one judge: *binary* looks best because it leaves out the pairs that were hard. Always ask how many pairs are left.
#
# **And how far do people agree with people?** That is the yardstick for a judge. In LLMFAO most comparisons have several voters; take two of them at random. It is no ceiling: a judge
# that makes fewer slips than one person can agree with each person more than two persons agree. On MT-bench GPT-4 agreed with people in 85 % of the decided pairs, people with people in
# 81 % (Zheng et al. 2023, section 4.2). WildVision's experts agreed with its users in 72.5 % of 100 samples, kappa 0.59 (Lu et al. 2024, section 2.3).

# %% slideshow={"slide_type": "-"}
two = crowd.sample(frac=1, random_state=0).groupby("comparison").head(2)
two = two[two.groupby("comparison").transform("size") == 2].sort_values("comparison", kind="stable")
one, other = votes_of(two.winner[::2]), votes_of(two.winner[1::2])
human = {p: agreement(one, other, p) for p in ("3-way", "binary")}
figure_6 = {  # Lu et al. 2024, Figure 6: vote of a person, then the counts of GPT-4V's left, right, tie
    "left": (300, 61, 34),
    "right": (102, 269, 27),
    "tie": (99, 111, 41),
}
figure_6_people = [person for person, counts in figure_6.items() for _ in range(sum(counts))]
figure_6_judge = [
    vote for counts in figure_6.values() for vote, n in zip(figure_6, counts, strict=True) for _ in range(n)
]
block = {protocol: agreement(figure_6_people, figure_6_judge, protocol) for protocol in ("3-way", "binary")}
kept = {p: agreement(people, machine, p)["n"] for p in PROTOCOLS}
say(
    f"Our judge: kappa {agreed['4-way'].value['kappa']:.2f} on all {kept['4-way']:,} pairs, {agreed['binary'].value['kappa']:.2f} on the {kept['binary']} pairs of the binary protocol.\n\n"
    f"People with people (LLMFAO, {human['3-way']['n']:,} comparisons): kappa **{human['3-way']['kappa']:.2f}** 3-way, **{human['binary']['kappa']:.2f}** on the {human['binary']['n']} pairs where both chose a side.\n\n"
    f"WildVision's Figure 6 (GPT-4V, not the bench's GPT-4o, against {block['3-way']['n']:,} arena votes) prints nine counts. They give the printed 3-way column: kappa {block['3-way']['kappa']:.4f} (printed 0.3442), "
    f"macro F1 {block['3-way']['f1_macro']:.4f} (0.5143). The binary column does not follow from them: kappa {block['binary']['kappa']:.4f} (0.5585), macro F1 {block['binary']['f1_macro']:.4f} (0.7792). It must rest on other pairs. "
    "Note the distance between 0.34 and 0.56: one judge, two protocols."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="position"></a>
# ## 10 · Position and length
# **Position.** Ask a judge twice, with the answers swapped. A fair judge without noise mirrors its verdict. If it does not, the order decided, or chance did: compare with a fair judge that is equally noisy. `swapped(judge)` asks both
# orders and takes the mean, rounded towards a tie. WildVision-Bench asks once, with the reference always first.

# %% slideshow={"slide_type": "-"}
both_orders = judge_battles(swapped(judges["likes the first"]), comparisons)
fair_twice = judge_battles(swapped(judges["fair"]), comparisons)
tests = {f"judge, {name}": position_bias(rows.winner) for name, rows in judged.items()}
tests["judge, likes the first, both orders"] = position_bias(both_orders.winner)
tests["crowd of LLMFAO"] = side
bias = pd.DataFrame({name: {"share": t.share, "low": t.low, "high": t.high} for name, t in tests.items()}).T
show(judge_figures.first_preferred(bias))

# %% slideshow={"slide_type": "-"}
steady, noisy = (rows.consistent.dropna().astype(bool) for rows in (both_orders, fair_twice))
kappa = {
    name: agreement(people, votes_of(rows.winner), "3-way")["kappa"]
    for name, rows in {**judged, "likes the first, both orders": both_orders}.items()
}
say(
    f"The judge that likes the first answer contradicts itself on {100 * (1 - steady.mean()):.0f} % of the pairs when they are swapped, the fair one, from noise alone, on {100 * (1 - noisy.mean()):.0f} %. Kappa with the class (3-way): "
    + ", ".join(f"{name} {value:.2f}" for name, value in kappa.items())
    + ". Two calls also average out noise, which is why the last can lie above the fair judge asked once. The price: twice as many calls, and more ties."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Length.** Longer answers get higher scores. Because they are better, or because they are longer? Add the difference in length to the model,
#
# $$\log \frac{P(a \text{ wins})}{P(b \text{ wins})} = \log p_a - \log p_b + \gamma\, x, \qquad x = \frac{\ell_a - \ell_b}{\ell_a + \ell_b} \text{ (standardised)}$$
#
# and fit $\gamma$ with the strengths (style control, Li et al. 2024). The strengths then hold for answers of like length.

# %% slideshow={"slide_type": "-"}
stored = verdict_battles(verdicts, REFERENCE, verdict="stored_verdict")
tokens = verdicts.set_index(["model", "question"]).answer_tokens
own_length = tokens.loc[list(zip(stored.model_b, stored.question, strict=True))].to_numpy()
reference_length = stored.question.map(tokens.loc[REFERENCE])
fit = style_controlled(
    stored, {"length": length_difference(reference_length, own_length)}, "weight", center=True
)
controlled = (100 * fit.strengths / (fit.strengths + fit.strengths[REFERENCE])).drop(REFERENCE).rename(names)
plain = star_scores(stored).rename(names).sort_values(ascending=False)
show(ranking_figures.two_rankings(plain, controlled, ("score", "length controlled"), "%"))

# %% slideshow={"slide_type": "-"}
with_reference = pd.concat(
    [paper[["score", "avg_tokens"]], pd.DataFrame({"score": [50.0], "avg_tokens": [120]})]
)
length_rho = spearmanr(with_reference.score, with_reference.avg_tokens)[0]
say(
    f"Score and mean length of the printed table: Spearman {length_rho:.2f} over {len(with_reference)} models. The fitted coefficient is {fit.coefficients['length']:+.2f} per standard deviation: the judge likes length, or "
    f"length goes with quality within a model. At like length Claude-3-Opus has {controlled['Claude-3-Opus']:.1f} and passes Reka-Flash ({controlled['Reka-Flash']:.1f}); Gemini-Pro-Vision, which answers "
    f"tersely, goes from place {place(plain.round(2), 'Gemini-Pro-Vision')} to {place(controlled, 'Gemini-Pro-Vision')}."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Does the control give the truth?
# Here we can ask. In the simulated class, the voters' taste for length is known, and Otter-Brief and Otter-Chat are equally good. **Guess first:** how many points lie between
# them after the control?

# %% slideshow={"slide_type": "-"}
x = length_difference(simulation.words_a, simulation.words_b)
uncontrolled = elo_scale(bradley_terry(simulation))
checked = style_controlled(simulation, {"length": x})
class_controlled = elo_scale(checked.strengths)
spoken = (
    pd.concat([simulation[[f"model_{s}", f"words_{s}"]].set_axis(["model", "words"], axis=1) for s in "ab"])
    .groupby("model")
    .words
)
apart = {
    name: r["Otter-Chat"] - r["Otter-Brief"]
    for name, r in (("plain", uncontrolled), ("controlled", class_controlled))
}
order = {
    name: spearmanr(truth, r[truth.index])[0]
    for name, r in (("plain", uncontrolled), ("controlled", class_controlled))
}
say(
    f"Otter-Chat minus Otter-Brief: {apart['plain']:+.0f} points without control, **{apart['controlled']:+.0f}** with it; the truth is 0. Spearman with the true accuracies: {order['plain']:.2f} before, "
    f"{order['controlled']:.2f} after. The control did harm. Why? Each sampler has *one* style: the words of Otter-Chat vary between {spoken.min()['Otter-Chat']} and {spoken.max()['Otter-Chat']}, "
    f"those of Otter-Brief between {spoken.min()['Otter-Brief']} and {spoken.max()['Otter-Brief']}. Length and model change together, so the fit cannot tell them apart, and a coefficient of "
    f"{checked.coefficients['length']:+.2f} moves whole models. In WV-Bench each model's answers vary in length from question to question, and there the control has something to hold on to. "
    "Before you trust a control, look at the variation *within* a model."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="open"></a>
# ## 11 · Openness, and academic averages against votes
# A leaderboard also decides what can be *studied*. For each model three parts (the whole, its language model, its vision encoder), and for each part two questions: are the
# weights there? Are data and code there? **Distilled** is a third state: the data can be had, but a closed model wrote them. (Deitke et al. 2024, Molmo, arXiv:2409.17146.
# On the slide the group labels have slid down some rows; here the category follows from a rule.)

# %% slideshow={"slide_type": "-"}
open_table = openness()
show(judge_figures.openness_matrix(open_table, COLUMNS))

# %% [markdown] slideshow={"slide_type": "-"}
# Even the most open rows stop at the vision encoder: CLIP's weights are public, its 400 million image-text pairs are not.

# %% slideshow={"slide_type": "skip"}
MOLMO = load("molmo_academic_elo").set_index("model")
assert set(MOLMO.index) == set(open_table.index)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Do academic averages predict votes?

# %% slideshow={"slide_type": "-"}
molmo_rho = spearmanr(MOLMO.academic, MOLMO.elo)[0]
drawn = percentiles(bootstrap(MOLMO, rank_correlation("academic", "elo"), rounds=400)).iloc[0]
show(
    ranking_figures.against(
        MOLMO.academic,
        MOLMO.elo,
        {"x": "mean of 11 academic benchmarks (%)", "y": "human preference (Elo points)"},
        f"The average predicts the votes in part: Spearman {molmo_rho:.2f}",
    )
)

# %% slideshow={"slide_type": "-"}
gain = (MOLMO.academic.rank(ascending=False) - MOLMO.elo.rank(ascending=False)).sort_values()
say(
    f"{len(MOLMO)} models, Spearman {molmo_rho:.2f}, resampling models {drawn.low:.2f} to {drawn.high:.2f}. Preferred more than their average says: "
    + ", ".join(f"{m} ({gain[m]:+.0f} places)" for m in gain.index[::-1][:3])
    + ". Preferred less: "
    + ", ".join(f"{m} ({gain[m]:+.0f})" for m in gain.index[:3])
    + ". Neither column is the truth. A benchmark rewards the answer that it expects, a person perhaps also style and length. The authors of the Molmo models chose both the 11 benchmarks and the questions of the vote."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="tables"></a>
# ## 12 · Sixteen benchmarks, and a misprint
# The talk *Scaling Language-Free Visual Representation Learning* (Fan et al. 2025, arXiv:2504.01017, "Web-SSL") asks whether CLIP is good because of *language* or because of its *data*. It
# trains DINOv2 and CLIP on the same two billion web images (MC-2B), freezes the encoder, tunes an adapter and a language model on top (Cambrian's recipe), and asks questions about images:

# %% slideshow={"slide_type": "-"}
say(
    "| "
    + " | ".join(CATEGORIES)
    + " |\n|"
    + "---|" * 4
    + "\n"
    + "\n".join(
        "| " + " | ".join(row) + " |"
        for row in zip(*([b.name for b in BENCHMARKS if b.category == c] for c in CATEGORIES), strict=True)
    )
)
appendix = load("webssl_appendix_vqa")
sums = check_averages(appendix)
wrong = misprints(system_table(), SYSTEM_ROWS, appendix)
wrong_filter = misprints(filter_table(), FILTER_ROWS, appendix)
ijepa = wrong[wrong.says.str.contains("I-JEPA")]
say(
    f"A category is the mean of its four benchmarks (MME's perception score divided by 20 first), the average the mean of the four categories. Recomputed cell by cell, **{int(sums.fits.sum())} of {len(sums)}** "
    f"printed averages of the paper's appendix follow. The other: *{sums[~sums.fits].says.iloc[0]}*\n\nThe talk's system table against those cells:\n"
    + "".join(f"- {sentence}\n" for sentence in wrong.says)
    + f"\nThe filter table has {len(wrong_filter)} such findings. I-JEPA's OCR & Chart cell equals the cell of the next row, DINOv2; its own four benchmarks average {ijepa.expected.iloc[-1]:.1f}. A slip of copying is likely. Note that the printed average agrees with the wrong "
    "cell: adding up the row does not find it, the sixteen numbers behind the row do. (MAE's 64.6 is a last digit cut off.)"
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The filter table: what images hold text?
# The same Web-DINO 2B, the same number of samples seen (2 billion), three pools: all images, the 50.3 % that "contain any readable text", the 1.3 % with charts, tables or documents.
# **Guess:** which category gains, and does any lose?

# %% slideshow={"slide_type": "-"}
filtered = filter_table()
columns = [
    "average",
    "general",
    "knowledge",
    "vision_centric",
    "ocr_chart",
    "chartqa",
    "ocrbench",
    "textvqa",
    "docvqa",
]
base = filtered.iloc[1][columns].astype(float)
change = filtered.loc[[2, 3, 0], columns].astype(float) - base
change.index = ["text images (50.3 %)", "charts, documents (1.3 %)", "CLIP 2B, all images"]
show(
    scaling_figures.differences(
        change.rename(columns=lambda c: c.replace("_", " ")),
        [1, 5],
        f"Against Web-DINO 2B on all images: 1.3 % of them give {change.ocr_chart.iloc[1]:+.1f} points on OCR & Chart",
    )
)

# %% slideshow={"slide_type": "-"}
pool_size = pd.Series({"all": 2e9, "50.3 %": 1.006e9, "1.3 %": 0.026e9})
passes = exposure([2e9] * 3, pool_size.to_numpy()).passes
clip_row = filtered.iloc[0]
say(
    f"Printed numbers of the talk, differences recomputed. The talk says that other categories do not change much; General falls by {-change.general.iloc[1]:.1f} with the smallest pool. It says that the filtered "
    f'model beats CLIP *even on OCR & Chart*: {filtered.ocr_chart.iloc[3]} to {clip_row.ocr_chart} on the mean, but on OCRBench {filtered.ocrbench.iloc[3]} to {clip_row.ocrbench}. And "1.3 %" is not only *other* images: 2 billion samples from 26 million images show each '
    f"one {passes.iloc[2]:.0f} times. Two things changed at once."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="scaling"></a>
# ## 13 · Scaling, with intervals
# The talk: *Web-DINO scales log-linearly with model size, and better than CLIP.* A line $y = a + b \log_2 x$ has a slope $b$ per doubling. Five sizes are five points, so the slope has an
# interval (Student's $t$ with 3 degrees of freedom), and "better" is a statement about a *difference of slopes*. R² is the part of the scores' variance that the line takes up.


# %% slideshow={"slide_type": "-"}
means = category_means(appendix)


def line(number, category, x="params_b"):
    """Fit of one appendix table: category mean against log2 of a column."""
    rows = appendix[appendix["table"] == number]
    return log_linear_fit(rows[x], means.loc[rows.index, category])


CASES = (*CATEGORIES, "average")
by_size = {c: {"Web-DINO": line(6, c), "CLIP": line(12, c)} for c in CASES}
contrast = {c: slope_difference(*fits.values()) for c, fits in by_size.items()}
clear = [c for c in CASES if contrast[c].low > 0]
show(
    scaling_figures.scaling_lines(
        by_size,
        "parameters (billions)",
        f"Web-DINO's slope is clearly larger in {', '.join(clear)}",
    )
)

# %% slideshow={"slide_type": "-"}
meet = {c: crossing(*fits.values()) for c, fits in by_size.items()}
say(
    "| | Web-DINO per doubling | CLIP per doubling | difference | where the lines meet (billions) |\n|---|---|---|---|---|\n"
    + "\n".join(
        f"| {c} | {f['Web-DINO'].slope:+.2f} [{f['Web-DINO'].slope_low:+.2f}, {f['Web-DINO'].slope_high:+.2f}] | {f['CLIP'].slope:+.2f} [{f['CLIP'].slope_low:+.2f}, {f['CLIP'].slope_high:+.2f}] "
        f"| {contrast[c].difference:+.2f} [{contrast[c].low:+.2f}, {contrast[c].high:+.2f}] | "
        + (
            f"{meet[c].x:.1f} [{meet[c].low:.1f}, {meet[c].high:.1f}]"
            if meet[c].kind == "interval"
            else "no finite interval"
        )
        + " |"
        for c, f in by_size.items()
    )
    + "\n\nThe average hides four stories: Vision-Centric crosses below the smallest size and OCR & Chart beyond the largest (both *extrapolations*), for Knowledge no point can be named. One training run per "
    "point: the intervals know the scatter around the line, not what another seed would give."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How sure is "better at 7B"?
# The 16 benchmarks are a sample too. Take the difference per benchmark and ask whether other benchmarks of the same kind would show it (paired $t$ interval).

# %% slideshow={"slide_type": "-"}
scores = points(appendix)
seven = [appendix[(appendix["table"] == t) & (appendix.params_b == 7)].index[0] for t in (6, 12)]
group = pd.Series({b.name: b.category for b in BENCHMARKS})
pairs7 = paired_differences(scores.loc[seven[0]], scores.loc[seven[1]], group)
display(pairs7[["difference", "n", "t_low", "t_high"]].round(2))
need = items_needed(0.02, discordance(0.50, 0.52, 0.5))
known = [c for c in pairs7.index if pairs7.t_low[c] > 0 or pairs7.t_high[c] < 0]
say(
    f"At 7B and 2 billion samples Web-DINO is {pairs7.difference['average']:+.2f} on average, interval {pairs7.t_low['average']:+.2f} to {pairs7.t_high['average']:+.2f}. Clear of zero: {', '.join(known) or 'none'}. "
    f"And items: to see 50 % against 52 % with 80 % probability, where right and wrong correlate at 0.5, a paired test needs {need:,} questions. MMVP has 150 pairs, RealWorldQA 765 questions."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### More samples seen
# The 7B model after 1, 2, 4 and 8 billion samples.

# %% slideshow={"slide_type": "-"}
eight = appendix[appendix["table"] == 8]
seen = means.loc[eight.index, list(CATEGORIES)].set_index(eight.samples_seen_b)
by_data = {c: line(8, c, "samples_seen_b") for c in CASES}
peak = seen["Vision-Centric"].idxmax()
show(
    scaling_figures.series(
        seen,
        "samples seen (billions)",
        "category mean (points)",
        f"OCR & Chart climbs {by_data['OCR & Chart'].slope:+.2f} a doubling; Vision-Centric is best at {peak:g} billion",
    )
)

# %% slideshow={"slide_type": "-"}
deep = scores.loc[eight.index, "CV-Bench 3D"].set_axis(eight.samples_seen_b)
fall = deep[8.0] - deep[2.0]
fall_error = 100 * np.sqrt(sum(v / 100 * (1 - v / 100) / 1200 for v in (deep[8.0], deep[2.0])))
count = exposure([1e9, 2e9, 4e9, 8e9], 2e9)
compute = load("openclip_scaling_results").query(
    "downstream_dataset == 'imagenet1k' and task == 'zeroshot_classification'"
)
laws = {
    name: power_law_fit(rows.gmacs_total, 1 - rows.acc1)
    for name, rows in compute.groupby("upstream_dataset")
    if len(rows) >= 5
}
say(
    f"OCR & Chart: {by_data['OCR & Chart']}. The average: {by_data['average']}: four points cannot exclude zero.\n\n**Longer training can hurt:** Vision-Centric goes from "
    f"{seen['Vision-Centric'][2.0]:.1f} at 2 billion to {seen['Vision-Centric'][8.0]:.1f} at 8; CV-Bench 3D (which is nearer, how deep) alone {fall:+.1f} points, standard error {fall_error:.1f} from its 1,200 questions (as if the two runs were asked different ones), but from 1 to 8 billion only "
    f"{deep[8.0] - deep[1.0]:+.1f}. One run each: a dip of one run, or a trend?\n\nDINOv3 (Siméoni et al. 2025, arXiv:2508.10104) reports that dense features fade in long training and adds a loss against it.\n\n"
    f"*Samples seen* is not *unique images*: the pool has 2 billion, so 8 billion samples show each one {count.passes.iloc[3]:.0f} times.\n\n"
    "A power law instead of a line: ImageNet zero-shot error of OpenCLIP models against compute, by pool (Cherti et al. 2023). A doubling multiplies the error by "
    + ", ".join(f"{law.doubling:.3f} on {name} ({len(law.line.logs)} models)" for name, law in laws.items())
    + "."
)

# %% slideshow={"slide_type": "subslide"}
tried = {
    "Web-DINO": line(6, "average"),
    "Web-MAE": line(11, "average"),
    "Web-DINO on ImageNet-1k": line(10, "average"),
}
classic = system_table()
dino2 = appendix[appendix.model.str.startswith("DINOv2")].set_index("model").index
at = means.loc[appendix.model.isin(dino2)].average.set_axis(dino2)
reading = {
    t: means.loc[appendix["table"] == t, "OCR & Chart"].set_axis(appendix.params_b[appendix["table"] == t])
    for t in (6, 11)
}
ahead = (reading[11] - reading[6]).dropna()
display(classic.drop(columns=["data", "supervision"]).set_index("method"))
say(
    "**The talk's other answers.** Average per doubling of size: "
    + "; ".join(f"{name} {fit_}" for name, fit_ in tried.items())
    + ". So MAE gains too.\n\nOn ImageNet-1k alone the average stays flat, as far as four sizes tell, but it is a sum of opposites: "
    + ", ".join(
        f"{c} {line(10, c).slope:+.2f} [{line(10, c).slope_low:+.2f}, {line(10, c).slope_high:+.2f}]"
        for c in ("Vision-Centric", "Knowledge")
    )
    + ".\n\nOn OCR & Chart Web-MAE is ahead of Web-DINO by "
    + ", ".join(f"{gap_:+.1f} ({size:g}B)" for size, gap_ in ahead.items())
    + ".\n\n**The system table is not apples to apples**, as its slide says. DINOv2 is shown at 518 pixels, average "
    f"{at['DINOv2 ViT-g 518']:.2f}; at 224 pixels it has {at['DINOv2 ViT-g 224']:.2f}. (All tokens are resized to 576 before the language model.)\n\nHigher resolution lifts Web-DINO 7B's average from "
    f"{classic.average.iloc[8]} to {classic.average.iloc[9]} to {classic.average.iloc[10]}, but Vision-Centric dips from {classic.vision_centric.iloc[8]} to {classic.vision_centric.iloc[9]} on the way. SigLIP2 at 384 pixels leads the average "
    f"({classic.average.iloc[3]}) and ImageNet ({classic.imagenet_linear.iloc[3]} against {classic.imagenet_linear.iloc[8:11].max()})."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Its conclusions, one by one
# | the talk concludes | the printed numbers say | they do not say |
# |---|---|---|
# | visual SSL improves with model and data size on VQA | average against size: yes, with a clear interval | average against samples seen: the interval includes 0; one run per point |
# | the gap to CLIP comes largely from data, not language | on the same images the lines cross | the text filter also changes how often an image repeats |
# | competitive with CLIP on VQA, even OCR & Chart | on the mean, after filtering | OCRBench stays behind; on all images, at 2 billion samples, OCR & Chart is behind at every size (at 8 billion, 39.4, there is no CLIP run in the tables) |
# | better than CLIP at every amount of data | nothing: the tables have CLIP at 2 billion samples only | – |
# | better on vision-centric questions and classic vision | Vision-Centric at 7B: clear of zero over four benchmarks | SigLIP2 leads ImageNet in the system table |
# | features align with language as models grow | part 14 | our models have one size |

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="align"></a>
# ## 14 · Do images and texts have the same neighbours?
# The talk's last hypothesis: as self-supervised models grow, their features become like those of a language model, although they never saw text (the *Platonic* hypothesis, Huh et al. 2024,
# arXiv:2405.07987). The measure is **mutual k-NN**: take an image's $k = 10$ nearest neighbours in one space and in the other; the score is the share in common, averaged over images. Two of ten: 0.2. Unrelated spaces share
# $k/(N-1)$ by chance.
#
# **A trap.** The code of Huh et al. reports the *maximum over all pairs of layers*. The best of many is above chance even for noise:

# %% slideshow={"slide_type": "-"}
noise = torch.Generator().manual_seed(0)
made_up = [[torch.randn(512, 32, generator=noise) for _ in range(layers)] for layers in (12, 24)]
luck = layer_alignment(*made_up, rounds=50)
say(
    f'{luck.scores.size} pairs of layers of pure noise, {luck.images} "images": chance {luck.chance:.4f}, mean of all pairs {luck.scores.mean():.4f}, **best pair {luck.score:.4f}**. The one pair alone has p = {luck.p:.2f}; '
    f"when the images are shuffled and the best pair is chosen *again* each time, {luck.selected_chance:.4f} is usual, corrected p = {luck.corrected_p:.2f}. The **calibrated** score (0: what shuffled images give, 1: the same neighbours) is near 0: {luck.calibrated:+.4f}."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### On the encoders that come with the course
# Test scenes and their captions. Text features: words of the caption weighted by rarity (TF-IDF), for captions of growing detail. **There is no language model here**: these texts are made from the same scene as the picture, so a
# common neighbour means *similar content*, nothing more.

# %% slideshow={"slide_type": "-"}
COUNT = 600
scenes = data.load_dense("test", COUNT)
world = World(WorldConfig(size=48), "test")
told = [world.captions(world.scene(i)) for i in range(COUNT)]
LEVELS = {"kind and colour": 1, "with place": 2, "everything": -1}


def text_features(texts):
    """TF-IDF of words: (N, words)."""
    return torch.tensor(TfidfVectorizer(token_pattern="[a-z0-9]+").fit_transform(texts).toarray()).float()


texts = [text_features([captions[level] for captions in told]) for level in LEVELS.values()]
say(f"Scene 0 in words: *{told[0][1]}*; *{told[0][2]}*; *{told[0][-1]}*.")
vits = {
    name: list(
        evaluate.token_features(checkpoints.load(f"{name}_vit"), scenes.images, blocks=4).chunk(4, dim=1)
    )
    for name in ("random", "supervised", "dino", "mae")
}
against_text = {name: layer_alignment(layers, texts, rounds=60) for name, layers in vits.items()}
best_vit = max(against_text, key=lambda n: against_text[n].calibrated)
show(
    scaling_figures.layer_scores(
        against_text,
        [f"block {i}" for i in range(1, 5)],
        list(LEVELS),
        f"{best_vit} shares most neighbours with the captions: {against_text[best_vit].score:.3f}",
    )
)

# %% slideshow={"slide_type": "-"}
resnets = {
    f"{name} ResNet": [evaluate.embed(checkpoints.load(f"{name}_resnet"), scenes.images)]
    for name in ("random", "supervised", "simclr", "rotation")
}
spaces = {f"{name} ViT": layers for name, layers in vits.items()} | resnets
compared = {
    f"{name} – captions": layer_alignment(layers, texts, rounds=60) for name, layers in resnets.items()
}
compared |= {f"{name} ViT – captions": found for name, found in against_text.items()}
for pair in (("dino ViT", "mae ViT"), ("supervised ViT", "supervised ResNet"), ("dino ViT", "random ViT")):
    compared[" – ".join(pair)] = layer_alignment(*(spaces[name] for name in pair), rounds=60)
show(
    scaling_figures.against_chance(
        compared,
        f"{sum(one.corrected_p < 0.05 for one in compared.values())} of {len(compared)} lie above chance: "
        f"the untrained networks too, at {compared['random ResNet – captions'].score:.3f}",
    )
)

# %% slideshow={"slide_type": "-"}
simclr_text, label_text, raw_text, turned = (
    compared[f"{n} ResNet – captions"] for n in ("simclr", "supervised", "random", "rotation")
)
say(
    f"SimCLR, which never saw a word or a label, shares {simclr_text.score:.3f} of its neighbours with the captions; the network trained with labels {label_text.score:.3f}; the *untrained* one {raw_text.score:.3f}, still "
    f'{raw_text.score / raw_text.chance:.0f} times the chance level {raw_text.chance:.3f}, and {"more" if turned.score < raw_text.score else "less"} than the one trained to tell rotations ({turned.score:.3f}).\n\nSo "above chance" (p = {raw_text.corrected_p:.3f}, the least that 60 shuffles can give) is no evidence of learning: colours of sky and object are in the pixels and in the text. The baseline '
    "that counts is the untrained twin.\n\n**What is there and what is not.** *There*: chance, permutation test, correction for choosing layers, an ordering of four small encoders. *Not there*: sizes, more data, a language model, so nothing here tests the "
    "hypothesis of growing alignment.\n\nThe axis of the paper's Figure 9 runs from 0.160 to 0.180, with 1,024 images some 17 times chance; what its claim rests on are differences of at most 0.02."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# <a id="trust"></a>
# ## 15 · What you can trust in a leaderboard
# A checklist. Each line leads to the cell that shows it.
#
# | ask | because | shown in |
# |---|---|---|
# | Is it online Elo? In which order? | the order alone changes the leader | [part 2](#elo) |
# | How are ties counted? Is there a penalty? | points of two tables cannot be compared | [part 3](#bt) |
# | Who met whom, how often? Are sides drawn? Who voted? | empty cells are filled by an assumption | [part 4](#crowd) |
# | What was resampled for the interval? | prompts, not votes; copies are not data | [part 5](#intervals), [part 8](#missing) |
# | Does the rank use the interval? | many models share a rank | [part 5](#intervals) |
# | Which categories, how many of each? | an average depends on its mixture | [part 6](#wildvision) |
# | Do the tables add up? | 8,076 votes are not 8,889 battles; 21.2 is not 19.4 | [part 6](#wildvision), [part 12](#tables) |
# | What is a missing verdict? What is a strong one worth? | the rule moves places | [part 8](#missing) |
# | Who judged, in both orders? How far do *people* agree? | a judge has habits; its agreement means little beside no other | [part 9](#agree), [part 10](#position) |
# | Is length controlled, and can it be? | longer looks better; a control needs variation within a model | [part 10](#position) |
# | Could someone repeat it? | weights, data and encoder are three questions | [part 11](#open) |
# | Is a slope given with an interval? Are two slopes *compared*? | five points, one run each | [part 13](#scaling) |
# | What would an untrained model get? | above chance is not above nothing | [part 14](#align) |

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Test yourself
# <details><summary>1. Why does shuffling the votes change online Elo, but not Bradley-Terry?</summary>
# Elo's step depends on the ratings at that moment, so late battles weigh more. The likelihood is a sum over battles; a sum has no order. (Part 2, part 3.)</details>
#
# <details><summary>2. A new model won all of its 40 battles. What is its Bradley-Terry rating?</summary>
# There is none: the likelihood grows as the strength goes to infinity. Say so, or use a penalty and name it. (Part 3.)</details>
#
# <details><summary>3. 10,000 votes on 20 prompts. How large is the sample?</summary>
# If other prompts could have been asked: nearer to 20 than to 10,000. Resample prompts with all their votes. (Part 5.)</details>
#
# <details><summary>4. A model has 300 "B>A", 150 "A>B", 50 missing. Between which two values lies its score if no verdict was strong?</summary>
# Between 300/500 = 60 % (all missing ones lost) and 350/500 = 70 % (all won); dropped: 300/450 = 66.7 %; as ties: 325/500 = 65 %. Should the missing ones be strong verdicts, each counts three battles, and the range is wider:
# 300/600 = 50 % to 450/600 = 75 %. (Part 8.)</details>
#
# <details><summary>5. Judge and person agree on 80 % of the pairs; both choose left in 80 % of them. Kappa?</summary>
# Chance agreement is 0.8² + 0.2² = 0.68, so κ = (0.80 − 0.68)/(1 − 0.68) = 0.375. (Part 9.)</details>
#
# <details><summary>6. When can length control not work?</summary>
# When each model has its own length: then length and model cannot be told apart. (Part 10.)</details>
#
# <details><summary>7. The slopes' intervals overlap. Are the slopes equal?</summary>
# That does not follow. Test the difference itself; its interval is narrower than the two laid side by side. (Part 13.)</details>
#
# <details><summary>8. Mutual k-NN 0.02 with k = 10 and 1,024 images, the best of 288 pairs of layers. Is it much?</summary>
# Chance is 10/1023 ≈ 0.01, but the best of 288 is higher. Shuffle the images, choose the best pair again, and compare with that; and with an untrained encoder. (Part 14.)</details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The whole course, by topic
# | topic of the lecture | look at | write it yourself |
# |---|---|---|
# | why self-supervision, two pipelines | lecture 01 | – |
# | pretext tasks | lectures 01, 06a (you against the pretext tasks) | – |
# | contrastive learning | lecture 03 | lab 03 |
# | masked learning, attention | lecture 06a | – |
# | benchmarking foundation models | this lecture | lab 09 |

# %% slideshow={"slide_type": "-"}
say(f"The notebook took {time.perf_counter() - started:.0f} s.")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Sources and licences
# | data | from | licence |
# |---|---|---|
# | 11,000 verdicts, README table | WildVision-AI/WildVision-Bench, commit 79dacc0 | MIT |
# | Tables 1, 2 and 4, Figure 6 | Lu et al. 2024, *WildVision*, arXiv:2406.11069 | facts from a paper |
# | 8,931 crowd votes | dustalov/llmfao, commit 9e224e9 | CC BY 4.0 (data) |
# | Web-SSL tables | Fan et al. 2025, *Scaling language-free visual representation learning*, arXiv:2504.01017 | facts from a paper |
# | OpenCLIP results | LAION-AI/CLIP_benchmark, commit 48de38c | MIT |
# | openness, academic average, Elo | Deitke et al. 2024, *Molmo and PixMo*, arXiv:2409.17146, and its model card | facts from a paper |
#
# No prompts, pictures or answers of these sources are in the course; `course_lib/arena/data/SOURCE.md` names every file and its oddities.
#
# **Reading.** Zermelo 1929, *Math. Z.* 29. Bradley, Terry 1952, *Biometrika* 39. Rao, Kupper 1967, *JASA* 62. Elo 1978, *The rating of chessplayers*. Hunter 2004, *MM algorithms for
# generalized Bradley-Terry models*, *Annals of Statistics* 32. Chiang et al. 2024, *Chatbot Arena*, arXiv:2403.04132. Zheng et al. 2023, *Judging LLM-as-a-judge*, arXiv:2306.05685. Li et al. 2024, *Does style
# matter?*, lmsys.org. Cohen 1960, *Educational and Psychological Measurement* 20. Cherti et al. 2023, *Reproducible scaling laws*, arXiv:2212.07143. Huh et al. 2024, *The Platonic representation hypothesis*,
# arXiv:2405.07987. Siméoni et al. 2025, *DINOv3*, arXiv:2508.10104.
#
# Next: **lab 09**, where the Elo step, the block bootstrap, the judge's score and the scaling fit are yours to write.

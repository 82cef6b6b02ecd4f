# %% [markdown]
# Typical wrong answers of lab 09. The docstring is what the student reads, so it says what the values look like and where to
# look, never the missing line. The functions see the names that the lab's setup cell imports.

# %% tags=["setup"]
import math

import numpy as np


# %% exercise="9.1"
_RESULTS = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}


def _result(winner):
    """The result of a, unknown labels refused (shared by the wrong answers, never shown)."""
    if winner not in _RESULTS:
        raise ValueError(winner)
    return _RESULTS[winner]


def _expected(rating_a, rating_b, scale, base):
    return 1 / (1 + base ** ((rating_b - rating_a) / scale))


def elo_update__exponent_turned_around(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your stronger model is expected to score *less* than 1/2, so a favourite who wins gains a lot. Which rating stands first in the exponent?"""
    moved = k * (_result(winner) - _expected(rating_b, rating_a, scale, base))
    return rating_a + moved, rating_b - moved


def elo_update__base_e(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your expected scores are too far from 1/2: you took the exponential function. On this scale 400 points are odds of `base` to 1, not of 2.72 to 1."""
    moved = k * (_result(winner) - _expected(rating_a, rating_b, scale, math.e))
    return rating_a + moved, rating_b - moved


def elo_update__settings_ignored(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your values are right for scale 400 and base 10 only: the arguments `scale` and `base` have no effect."""
    moved = k * (_result(winner) - _expected(rating_a, rating_b, 400.0, 10.0))
    return rating_a + moved, rating_b - moved


def elo_update__tie_moves_nothing(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """You leave the ratings as they are after a tie. But a tie against a stronger model is a success, and against a weaker one a failure: half a win each."""
    result = _result(winner)
    moved = 0.0 if result == 0.5 else k * (result - _expected(rating_a, rating_b, scale, base))
    return rating_a + moved, rating_b - moved


def elo_update__tie_is_a_loss(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """After a tie your model a is treated as if it had lost. Wins and losses are right."""
    moved = k * ((_result(winner) == 1) - _expected(rating_a, rating_b, scale, base))
    return rating_a + moved, rating_b - moved


def elo_update__both_bad_punishes_both(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """After "tie (bothbad)" both your ratings fall, so points leave the system and the mean sinks. Here both kinds of tie are half a win to each."""
    expected = _expected(rating_a, rating_b, scale, base)
    if winner == "tie (bothbad)":
        return rating_a - k * expected, rating_b - k * (1 - expected)
    moved = k * (_result(winner) - expected)
    return rating_a + moved, rating_b - moved


def elo_update__only_a_moves(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """The rating of a is right, that of b never changes. What a gains, b has to lose."""
    return rating_a + k * (_result(winner) - _expected(rating_a, rating_b, scale, base)), rating_b


def elo_update__both_move_together(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Both your ratings move in the same direction. What a gains, b has to lose."""
    moved = k * (_result(winner) - _expected(rating_a, rating_b, scale, base))
    return rating_a + moved, rating_b + moved


def elo_update__b_sees_the_new_rating(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """The rating of a is right, that of b a little off: its step was computed with a's *new* rating. Both steps come from the ratings before the battle."""
    new_a = rating_a + k * (_result(winner) - _expected(rating_a, rating_b, scale, base))
    return new_a, rating_b + k * (1 - _result(winner) - _expected(rating_b, new_a, scale, base))


def elo_update__expected_half(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your step does not depend on the ratings: you expect 1/2 from everybody. A win over a stronger model has to count more."""
    moved = k * (_result(winner) - 0.5)
    return rating_a + moved, rating_b - moved


def elo_update__result_without_expectation(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """You add the whole result: a winner gains k whoever it beat. Only the surprise counts, the result minus what was expected."""
    return rating_a + k * _result(winner), rating_b + k * (1 - _result(winner))


def elo_update__unknown_label_is_a_tie(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your ratings are right, but a label that does not exist is counted without a word, as a tie or otherwise. One misspelled file, and every vote in it is a tie. Refuse it with a ValueError."""
    moved = k * (_RESULTS.get(winner, 0.5) - _expected(rating_a, rating_b, scale, base))
    return rating_a + moved, rating_b - moved


def elo_update__rounded(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """You round the ratings to whole points. With k = 4 most steps are smaller than that and get lost; round only where you print."""
    moved = k * (_result(winner) - _expected(rating_a, rating_b, scale, base))
    return round(rating_a + moved), round(rating_b - moved)


def elo_update__starts_with_tie(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your ratings are right, but a label that only begins like a tie counts as one: "tie (both bad)" is none of the four. A longer or misspelled label has to be refused with a ValueError."""
    label = "tie" if isinstance(winner, str) and winner.startswith("tie") else winner
    moved = k * (_result(label) - _expected(rating_a, rating_b, scale, base))
    return rating_a + moved, rating_b - moved


def elo_update__missing_is_a_tie(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Your ratings are right and unknown texts are refused, but a missing label, None or nan, is counted. Nobody voted there: refuse it with a ValueError."""
    label = winner if isinstance(winner, str) else "tie"
    moved = k * (_result(label) - _expected(rating_a, rating_b, scale, base))
    return rating_a + moved, rating_b - moved


# %% exercise="9.2"
def _refuse(points):
    if (points.sum(1) == 0).any() or (points.sum(0) == 0).any():
        raise ValueError("no finite strengths")


def _fit(won, met, rounds=20_000):
    """Strengths by the update of the lab, from points (M,) and meetings (M, M)."""
    p = np.full(len(won), 1 / len(won))
    with np.errstate(all="ignore"):
        for _ in range(rounds):
            new = won / (met / (p[:, None] + p)).sum(1)
            new /= new.sum()
            done = not np.abs(new - p).max() >= 1e-12  # also where it is not a number
            p = new
            if done:
                break
    return p


def bradley_terry__ties_dropped(wins, ties):
    """You leave the ties out, and two models with nothing but ties have no strengths at all. A tie is half a win to each side."""
    _refuse(wins + ties / 2)
    return _fit(wins.sum(1), wins + wins.T)


def bradley_terry__ties_as_losses(wins, ties):
    """You count a tie among the meetings but give nobody a point for it: it is a loss for both. Half a point belongs to each."""
    _refuse(wins + ties / 2)
    return _fit(wins.sum(1), wins + wins.T + ties)


def bradley_terry__ties_as_whole_wins(wins, ties):
    """You give both sides a whole win for a tie and count it as one meeting, so more points are given than battles were played."""
    _refuse(wins + ties / 2)
    return _fit(wins.sum(1) + ties.sum(1), wins + wins.T + ties)


def bradley_terry__ties_count_double(wins, ties):
    """A tie weighs twice as much for you as a win: you made it a whole win *and* a whole loss, two meetings. It is one battle, half a win to each."""
    _refuse(wins + ties / 2)
    points = wins + ties
    return _fit(points.sum(1), points + points.T)


def bradley_terry__losers_first(wins, ties):
    """Your order is upside down: the model that loses most is the strongest. Entry (i, j) is how often i *beat* j; along which axis do you add?"""
    points = wins + ties / 2
    _refuse(points)
    return _fit(points.sum(0), points + points.T)


def bradley_terry__share_of_points(wins, ties):
    """This is each model's share of points won, brought to sum 1; one update from equal strengths gives the same. It does not ask who the opponents were. The new strengths have to be put in again, until nothing changes."""
    points = wins + ties / 2
    _refuse(points)
    share = points.sum(1) / (points + points.T).sum(1)
    return share / share.sum()


def bradley_terry__stopped_early(wins, ties):
    """Your strengths are on their way but not there: ten updates are too few. Stop when the largest relative change is tiny."""
    points = wins + ties / 2
    _refuse(points)
    return _fit(points.sum(1), points + points.T, rounds=10)


def bradley_terry__meetings_not_counted(wins, ties):
    """Every pair that met counts once for you, whether it met once or fifty times. What stands above the fraction line in the sum of the formula?"""
    points = wins + ties / 2
    _refuse(points)
    return _fit(points.sum(1), (points + points.T > 0).astype(float))


def bradley_terry__own_strength_missing(wins, ties):
    """In your denominators stands the opponent's strength alone. The formula has the sum of both strengths there."""
    points = wins + ties / 2
    _refuse(points)
    p, met = np.full(len(wins), 1 / len(wins)), points + points.T
    for _ in range(1000):
        new = points.sum(1) / (met / p[None, :]).sum(1)
        new = new / new.sum()
        settled = np.allclose(new, p, rtol=1e-9, atol=0)
        p = new
        if settled:
            break
    return p


def bradley_terry__first_is_one(wins, ties):
    """The ratios of your strengths are right, but they do not sum to 1: the first one is 1. Strengths are known up to a factor only, so everybody has to use the same sum."""
    points = wins + ties / 2
    _refuse(points)
    p = _fit(points.sum(1), points + points.T)
    return p / p[0]


def bradley_terry__logarithms(wins, ties):
    """These are logarithms of strengths, some of them negative. Asked are the strengths themselves, positive and with sum 1."""
    points = wins + ties / 2
    _refuse(points)
    return np.log(_fit(points.sum(1), points + points.T))


def bradley_terry__smoothed(wins, ties):
    """Your strengths are pulled towards each other: something was added to the counts, or a penalty to the fit. Asked is the plain maximum of the likelihood."""
    points = wins + ties / 2
    _refuse(points)
    points = points + np.where(points + points.T > 0, 0.5, 0.0)
    return _fit(points.sum(1), points + points.T)


def bradley_terry__nobody_refused(wins, ties):
    """Your strengths are right, but a model that never took a point, or never gave one away, gets a strength, too. It depends only on when you stop: there is no best value. Raise a ValueError."""
    points = wins + ties / 2
    return _fit(points.sum(1), points + points.T, rounds=3000)


def bradley_terry__only_winless_refused(wins, ties):
    """You refuse a model that never took a point, but not one that never gave one away. Its strength grows without end in the same way."""
    points = wins + ties / 2
    if (points.sum(1) == 0).any():
        raise ValueError("no point")
    return _fit(points.sum(1), points + points.T, rounds=3000)


def bradley_terry__ties_met_twice(wins, ties):
    """You count each tie as two meetings, but it gives one point in all, half to each side. The table of ties is symmetric already: entry (i, j) and entry (j, i) are the same battle."""
    _refuse(wins + ties / 2)
    return _fit((wins + ties / 2).sum(1), wins + wins.T + ties + ties.T)


def bradley_terry__inputs_changed(wins, ties):
    """Your strengths are right, but afterwards the tables that you were given hold other numbers: a line like `a += b` writes into the array of the caller. Make a new one."""
    wins += ties / 2
    _refuse(wins)
    return _fit(wins.sum(1), wins + wins.T)


# %% exercise="9.3"
def _members(questions):
    return [np.flatnonzero(questions == question) for question in np.unique(questions)]


def _ends(results):
    return np.percentile(results, 2.5, axis=0), np.percentile(results, 97.5, axis=0)


def _rounds(rows, questions, statistic, rounds, generator):
    """Right resamples; what statistic says of each."""
    members = _members(questions)
    return [
        statistic(
            rows[np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])]
        )
        for _ in range(rounds)
    ]


def question_interval__single_votes(rows, questions, statistic, rounds, generator):
    """You draw single votes: the questions play no part. Votes on one question have to stay together."""
    return _ends([statistic(rows[generator.integers(len(rows), size=len(rows))]) for _ in range(rounds)])


def question_interval__repeats_lost(rows, questions, statistic, rounds, generator):
    """A question that was drawn twice brings its rows only once in your rounds: they are selected by "is it among the drawn ones". Then a round is just a part of the data. Repeats have to count."""
    names = np.unique(questions)
    results = []
    for _ in range(rounds):
        results.append(statistic(rows[np.isin(questions, generator.choice(names, len(names)))]))
    return _ends(results)


def question_interval__without_replacement(rows, questions, statistic, rounds, generator):
    """Every question comes exactly once in each of your rounds: you draw without replacement, which only changes the order. Put each drawn question back."""
    members = _members(questions)
    return _ends(
        [
            statistic(rows[np.concatenate([members[i] for i in generator.permutation(len(members))])])
            for _ in range(rounds)
        ]
    )


def question_interval__large_questions_first(rows, questions, statistic, rounds, generator):
    """Questions with many votes come too often in your rounds: you draw a vote and take its question. Every *question* has the same chance, so draw from the list of different ones."""
    members = dict(zip(np.unique(questions), _members(questions), strict=True))
    results = []
    for _ in range(rounds):
        drawn = generator.choice(questions, len(members))
        results.append(statistic(rows[np.concatenate([members[question] for question in drawn])]))
    return _ends(results)


def question_interval__as_many_questions_as_votes(rows, questions, statistic, rounds, generator):
    """Each of your rounds draws as many questions as there are *votes*. That is far more data than you have, and the interval gets far too narrow. Draw as many questions as there are questions."""
    members = _members(questions)
    results = []
    for _ in range(rounds):
        drawn = generator.integers(len(members), size=len(rows))
        results.append(statistic(rows[np.concatenate([members[i] for i in drawn])]))
    return _ends(results)


def question_interval__cut_to_length(rows, questions, statistic, rounds, generator):
    """All your rounds have the same number of rows: you cut, or fill, to the number of votes, and so break a question apart. Rounds may differ in length."""
    members = _members(questions)
    results = []
    for _ in range(rounds):
        drawn = generator.integers(len(members), size=len(rows))
        results.append(statistic(rows[np.concatenate([members[i] for i in drawn])[: len(rows)]]))
    return _ends(results)


def question_interval__one_vote_a_question(rows, questions, statistic, rounds, generator):
    """A drawn question brings one of its rows in your rounds. It has to bring all of them."""
    members = _members(questions)
    results = []
    for _ in range(rounds):
        drawn = generator.integers(len(members), size=len(members))
        results.append(statistic(rows[[generator.choice(members[i]) for i in drawn]]))
    return _ends(results)


def question_interval__votes_drawn_again(rows, questions, statistic, rounds, generator):
    """You draw questions, and then draw votes again inside each. Here a drawn question brings all its rows as they are; drawing twice widens the interval beyond what is asked."""
    members = _members(questions)
    results = []
    for _ in range(rounds):
        drawn = generator.integers(len(members), size=len(members))
        chosen = [generator.choice(members[i], len(members[i])) for i in drawn]
        results.append(statistic(rows[np.concatenate(chosen)]))
    return _ends(results)


def question_interval__one_draw_for_all(rows, questions, statistic, rounds, generator):
    """All your rounds are the same: the draw stands outside the loop, or the generator starts anew each time. Each round needs its own draw."""
    members = _members(questions)
    chosen = np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])
    return _ends([statistic(rows[chosen]) for _ in range(rounds)])


def question_interval__generator_ignored(rows, questions, statistic, rounds, generator):
    """The same generator seed gave different rounds: your draws do not come from the `generator` that you were given, so no interval could be repeated."""
    members = _members(questions)
    results = []
    for _ in range(rounds):
        drawn = np.random.randint(len(members), size=len(members))
        results.append(statistic(rows[np.concatenate([members[i] for i in drawn])]))
    return _ends(results)


def question_interval__own_seed(rows, questions, statistic, rounds, generator):
    """Another generator gave the same rounds: you made a generator of your own with a fixed seed. Use the one that you were given."""
    return _ends(_rounds(rows, questions, statistic, rounds, np.random.default_rng(0)))


def question_interval__ninety_percent(rows, questions, statistic, rounds, generator):
    """Your rounds are right, but too many of them lie outside the interval, about 5 % on each side: that is a 90 % interval. The 95 % that stay in leave 2.5 % on each side."""
    results = _rounds(rows, questions, statistic, rounds, generator)
    return np.percentile(results, 5, axis=0), np.percentile(results, 95, axis=0)


def question_interval__smallest_and_largest(rows, questions, statistic, rounds, generator):
    """Your interval holds every round: it runs from the smallest to the largest result, and would grow with the number of rounds. Cut off 2.5 % on each side."""
    results = _rounds(rows, questions, statistic, rounds, generator)
    return np.min(results, axis=0), np.max(results, axis=0)


def question_interval__error_of_the_mean(rows, questions, statistic, rounds, generator):
    """Most of your rounds lie outside your interval: the standard deviation was divided by the root of the number of rounds. More rounds make the interval steadier, not the ratings surer."""
    results = np.array(_rounds(rows, questions, statistic, rounds, generator))
    half = 1.96 * results.std(axis=0) / np.sqrt(rounds)
    return results.mean(axis=0) - half, results.mean(axis=0) + half


def question_interval__mean_plus_minus(rows, questions, statistic, rounds, generator):
    """Your interval is symmetric, mean plus and minus 1.96 standard deviations. The rounds need not be symmetric, and here they are not: take the percentage points of the rounds themselves."""
    results = np.array(_rounds(rows, questions, statistic, rounds, generator))
    return results.mean(axis=0) - 1.96 * results.std(axis=0), results.mean(axis=0) + 1.96 * results.std(
        axis=0
    )


def question_interval__one_interval_for_all_models(rows, questions, statistic, rounds, generator):
    """For one number your interval is right, but when statistic returns an array you give one interval over all its entries. Take the percentages over the rounds only, for each entry by itself."""
    results = _rounds(rows, questions, statistic, rounds, generator)
    return np.percentile(results, 2.5), np.percentile(results, 97.5)


def question_interval__ends_swapped(rows, questions, statistic, rounds, generator):
    """Both ends are right, but in the wrong order: asked is (low, high)."""
    return _ends(_rounds(rows, questions, statistic, rounds, generator))[::-1]


def question_interval__numbers_without_gaps(rows, questions, statistic, rounds, generator):
    """You draw from 0 to the largest number. Question numbers have gaps: draw from those that occur."""
    numbers, results = questions.max() + 1, []
    for _ in range(rounds):
        drawn = generator.integers(numbers, size=numbers)
        results.append(statistic(rows[np.concatenate([np.flatnonzero(questions == i) for i in drawn])]))
    return _ends(results)


def question_interval__gaps_drawn(rows, questions, statistic, rounds, generator):
    """You draw from 0 to the largest number, and a drawn number that does not occur brings no rows. Question numbers have gaps: draw from those that occur."""
    numbers, results = questions.max() + 1, []
    for _ in range(rounds):
        drawn = generator.integers(numbers, size=len(np.unique(questions)))
        results.append(statistic(rows[np.concatenate([np.flatnonzero(questions == i) for i in drawn])]))
    return _ends(results)


# %% exercise="9.4"
def _counts(verdicts, missing):
    """Counts of the five verdicts under a rule for missing ones; unknown labels are refused."""
    n = dict.fromkeys(("A>>B", "A>B", "A=B", "B>A", "B>>A"), 0)
    for verdict in verdicts:
        if verdict is not None and verdict not in n:
            raise ValueError(verdict)
        if verdict is not None:
            n[verdict] += 1
        elif missing == "tie":
            n["A=B"] += 1
    return n


def _three(n, weight, rate_total=None, reward_total=None, tie=0.5):
    """Score, win rate, reward from counts; totals other than the number of questions where given."""
    questions = sum(n.values())
    if questions == 0:
        return (float("nan"),) * 3
    won, lost = weight * n["B>>A"] + n["B>A"], weight * n["A>>B"] + n["A>B"]
    reward = 100 * (n["B>>A"] - n["A>>B"]) + 50 * (n["B>A"] - n["A>B"])
    return (
        100 * (won + tie * n["A=B"]) / (won + lost + n["A=B"]),
        100 * (n["B>>A"] + n["B>A"]) / (rate_total or questions),
        reward / (reward_total or questions),
    )


def judge_score__weight_forgotten(verdicts, missing="drop", strong_weight=3):
    """Win rate and reward are right, but in your score a `>>` counts as one battle. It counts as `strong_weight`."""
    return _three(_counts(verdicts, missing), 1)


def judge_score__weight_fixed_at_three(verdicts, missing="drop", strong_weight=3):
    """Your values are right for weight 3 only: the argument `strong_weight` has no effect."""
    return _three(_counts(verdicts, missing), 3)


def judge_score__weight_above_the_line_only(verdicts, missing="drop", strong_weight=3):
    """Your score gets too large, above 100 even: strong verdicts are weighted above the fraction line but not below it. Their extra battles have to be in both."""
    n = _counts(verdicts, missing)
    _, rate, reward = _three(n, strong_weight)
    total = sum(n.values())
    won = strong_weight * n["B>>A"] + n["B>A"] + n["A=B"] / 2
    return (100 * won / total if total else float("nan")), rate, reward


def judge_score__weight_everywhere(verdicts, missing="drop", strong_weight=3):
    """Your score is right, but the weight went into win rate and reward as well. There each question counts once."""
    n = _counts(verdicts, missing)
    score = _three(n, strong_weight)[0]
    weighted = {label: count * (strong_weight if ">>" in label else 1) for label, count in n.items()}
    return score, *_three(weighted, 1)[1:]


def judge_score__ties_worth_nothing(verdicts, missing="drop", strong_weight=3):
    """In your score a tie gives no point: it counts like a loss. It is half a win."""
    return _three(_counts(verdicts, missing), strong_weight, tie=0.0)


def judge_score__ties_left_out_of_the_score(verdicts, missing="drop", strong_weight=3):
    """Your score knows only wins and losses, and nothing but ties makes it 0/0. Ties belong in it: half above the line, whole below."""
    n = _counts(verdicts, missing)
    _, rate, reward = _three(n, strong_weight)
    without = _three(n | {"A=B": 0}, strong_weight)[0]
    return without, rate, reward


def judge_score__half_a_win_in_the_win_rate(verdicts, missing="drop", strong_weight=3):
    """Your win rate counts a tie as half a win. Only the score does that; the win rate is the share of questions that were won."""
    n = _counts(verdicts, missing)
    score, rate, reward = _three(n, strong_weight)
    return score, rate + 50 * n["A=B"] / max(sum(n.values()), 1), reward


def judge_score__sides_swapped(verdicts, missing="drop", strong_weight=3):
    """Your numbers belong to the other side: A is the reference, and B is the model that is evaluated. The better the model, the lower your score."""
    n = _counts(verdicts, missing)
    swap = {"A>>B": "B>>A", "A>B": "B>A", "A=B": "A=B", "B>A": "A>B", "B>>A": "A>>B"}
    return _three({swap[label]: count for label, count in n.items()}, strong_weight)


def judge_score__missing_always_ties(verdicts, missing="drop", strong_weight=3):
    """You count a missing verdict as a tie under both rules. With "drop" it is in no number and in no denominator."""
    return _three(_counts(verdicts, "tie"), strong_weight)


def judge_score__missing_always_dropped(verdicts, missing="drop", strong_weight=3):
    """You leave missing verdicts out under both rules: the argument `missing` has no effect. With "tie" each is an "A=B"."""
    return _three(_counts(verdicts, "drop"), strong_weight)


def judge_score__two_denominators(verdicts, missing="drop", strong_weight=3):
    """With dropped verdicts your score is right, but win rate and reward still divide by all questions, those without a verdict included. (The published table does just that.) Here "drop" means everywhere."""
    n = _counts(verdicts, missing)
    return _three(n, strong_weight, len(verdicts), len(verdicts))


def judge_score__missing_is_a_loss(verdicts, missing="drop", strong_weight=3):
    """A missing verdict counts as a loss of the model for you: the score falls as if the judge had said A>B. The two rules are "drop" and "tie"."""
    n = _counts(verdicts, "drop")
    n["A>B"] += sum(verdict is None for verdict in verdicts)
    return _three(n, strong_weight)


def judge_score__fractions(verdicts, missing="drop", strong_weight=3):
    """Your numbers are a hundred times too small: fractions. Asked are score and win rate in %, and the reward from -100 to 100."""
    return tuple(value / 100 for value in _three(_counts(verdicts, missing), strong_weight))


def judge_score__unknown_label_ignored(verdicts, missing="drop", strong_weight=3):
    """Your numbers are right, but a label that is none of the five, like "A<B", vanishes or becomes a tie in silence. Refuse it with a ValueError: a missing verdict is None and nothing else."""
    known = [v for v in verdicts if v is None or v in ("A>>B", "A>B", "A=B", "B>A", "B>>A")]
    return _three(_counts(known, missing), strong_weight)


# %% exercise="9.5"
def _observed(votes):
    return np.trace(votes) / votes.sum()


def _f1(votes):
    """F1 of each label that was used."""
    both = votes.sum(0) + votes.sum(1)
    return 2 * np.diag(votes)[both > 0] / both[both > 0]


def _kappa(observed, chance):
    return (observed - chance) / (1 - chance) if chance < 1 else float("nan")


def _chance(votes):
    return (votes.sum(0) @ votes.sum(1)) / votes.sum() ** 2


def agreement__kappa_without_chance(votes):
    """Your kappa is the share of equal votes. What would agree by chance has to be taken off."""
    return _observed(votes), _f1(votes).mean(), _observed(votes)


def agreement__chance_one_in_c(votes):
    """Your kappa takes chance as 1 in C, as if all labels were equally frequent. Chance follows from how often each side used each label."""
    return _observed(votes), _f1(votes).mean(), _kappa(_observed(votes), 1 / len(votes))


def agreement__chance_from_pooled_shares(votes):
    """Your kappa pools both sides before it computes chance. That is Scott's pi. Cohen's kappa multiplies the row share with the column share of each label."""
    pooled = (votes.sum(0) + votes.sum(1)) / (2 * votes.sum())
    return _observed(votes), _f1(votes).mean(), _kappa(_observed(votes), pooled @ pooled)


def agreement__kappa_not_divided(votes):
    """Your kappa takes chance off but does not divide by what is left to gain: perfect agreement gives less than 1."""
    return _observed(votes), _f1(votes).mean(), _observed(votes) - _chance(votes)


def agreement__recall_instead_of_f1(votes):
    """Your macro F1 is the mean recall: the diagonal by the row sums. F1 looks at the column sums as well."""
    first = votes.sum(1)
    return (
        _observed(votes),
        (np.diag(votes)[first > 0] / first[first > 0]).mean(),
        _kappa(_observed(votes), _chance(votes)),
    )


def agreement__precision_instead_of_f1(votes):
    """Your macro F1 is the mean precision: the diagonal by the column sums. F1 looks at the row sums as well."""
    second = votes.sum(0)
    return (
        _observed(votes),
        (np.diag(votes)[second > 0] / second[second > 0]).mean(),
        _kappa(_observed(votes), _chance(votes)),
    )


def agreement__f1_of_the_means(votes):
    """You average precision and recall over the labels first and take the harmonic mean of the two afterwards. Macro F1 takes F1 of each label and then the mean."""
    used = votes.sum(0) + votes.sum(1) > 0
    equal, first, second = np.diag(votes)[used], votes.sum(1)[used], votes.sum(0)[used]
    recall = (equal / np.maximum(first, 1)).mean()
    precision = (equal / np.maximum(second, 1)).mean()
    return (
        _observed(votes),
        2 * precision * recall / (precision + recall),
        _kappa(_observed(votes), _chance(votes)),
    )


def agreement__weighted_by_frequency(votes):
    """Your macro F1 weighs each label by how often it occurs. That is weighted F1; the macro mean treats rare and frequent labels alike."""
    used = votes.sum(0) + votes.sum(1) > 0
    return (
        _observed(votes),
        np.average(_f1(votes), weights=votes.sum(1)[used]),
        _kappa(_observed(votes), _chance(votes)),
    )


def agreement__intersection_over_union(votes):
    """Your macro F1 is too small for every label: the equal votes are divided by the union of both sides, once. In F1 they count twice above the line, and the sum of both sides stands below."""
    f1 = _f1(votes)
    return _observed(votes), (f1 / (2 - f1)).mean(), _kappa(_observed(votes), _chance(votes))


def agreement__unused_label_counts_as_zero(votes):
    """A label that nobody ever used pulls your macro F1 down: it is averaged in as 0. Leave it out; there was nothing to agree on."""
    return _observed(votes), _f1(votes).sum() / len(votes), _kappa(_observed(votes), _chance(votes))


def agreement__unused_label_not_a_number(votes):
    """With a label that nobody used your macro F1 is not a number: 0/0. Leave such a label out of the mean."""
    with np.errstate(all="ignore"):
        f1 = 2 * np.diag(votes) / (votes.sum(0) + votes.sum(1))
    return _observed(votes), f1.mean(), _kappa(_observed(votes), _chance(votes))


def agreement__one_sided_label_left_out(votes):
    """A label that only one side used is missing from your macro F1. The other side *could* have agreed and never did: its F1 is 0, and it counts."""
    both = (votes.sum(0) > 0) & (votes.sum(1) > 0)
    f1 = 2 * np.diag(votes)[both] / (votes.sum(0) + votes.sum(1))[both]
    return _observed(votes), f1.mean(), _kappa(_observed(votes), _chance(votes))


def agreement__only_labels_of_the_first(votes):
    """A label that the first side never used is missing from your macro F1, although the second used it. It is a label on which they never agreed: its F1 is 0, and it counts."""
    first, second = votes.sum(1), votes.sum(0)
    used = first > 0
    f1 = 2 * np.diag(votes)[used] / (first + second)[used]
    return _observed(votes), f1.mean(), _kappa(_observed(votes), _chance(votes))


def agreement__constant_votes_give_zero(votes):
    """Your numbers are right, but where both sides always say the same, kappa is 0/0: chance alone explains everything, and no number is right. Return not-a-number there."""
    chance = _chance(votes)
    return _observed(votes), _f1(votes).mean(), _kappa(_observed(votes), chance) if chance < 1 else 0.0


def agreement__percent(votes):
    """Your numbers are a hundred times too large: percentages. Asked are fractions."""
    return 100 * _observed(votes), 100 * _f1(votes).mean(), 100 * _kappa(_observed(votes), _chance(votes))


# %% exercise="9.6"
def _design(model, difference):
    return np.column_stack([model[:, None] == np.arange(model.max() + 1), difference]).astype(float)


def _newton(design, outcome, weight, ridge=0.0, rounds=60):
    """Weighted logistic regression by Newton's method with a ridge (a number or one per column)."""
    theta, ridge = np.zeros(design.shape[1]), np.broadcast_to(ridge, design.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-design @ theta))
        curvature = design.T @ (design * (weight * p * (1 - p))[:, None]) + np.diag(ridge)
        theta = theta + np.linalg.solve(curvature, design.T @ (weight * (outcome - p)) - ridge * theta)
    return theta


def _percent(theta):
    return 100 / (1 + np.exp(-theta))


def length_controlled__length_plays_no_part(outcome, model, difference, weight):
    """These are the plain scores, wins by battles of each model: length plays no part in them. It needs a column of its own in the design."""
    theta = _newton(_design(model, difference)[:, :-1], outcome, weight)
    return _percent(theta), 0.0


def length_controlled__length_turned_around(outcome, model, difference, weight):
    """The scores are right and the coefficient has the wrong sign: your column is minus the difference. It is positive where the evaluated model wrote *more*."""
    theta = _newton(_design(model, -difference), outcome, weight)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__weights_ignored(outcome, model, difference, weight):
    """With equal weights your fit is right; otherwise not: each row counts once. A row with weight 3 stands for three battles."""
    theta = _newton(_design(model, difference), outcome, np.ones(len(outcome)))
    return _percent(theta[:-1]), theta[-1]


def length_controlled__ties_dropped(outcome, model, difference, weight):
    """You leave the ties out. An outcome of 0.5 works in the gradient as it is: half a win, half a loss."""
    kept = outcome != 0.5
    theta = _newton(_design(model, difference)[kept], outcome[kept], weight[kept])
    return _percent(theta[:-1]), theta[-1]


def length_controlled__ties_as_losses(outcome, model, difference, weight):
    """A tie counts as a loss for you, perhaps because the outcomes became whole numbers or `outcome == 1`. It is half a win."""
    theta = _newton(_design(model, difference), (outcome == 1).astype(float), weight)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__ties_as_wins(outcome, model, difference, weight):
    """A tie counts as a win for you, perhaps through `outcome > 0` or a rounding. It is half a win."""
    theta = _newton(_design(model, difference), (outcome > 0).astype(float), weight)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__a_coefficient_for_each_model(outcome, model, difference, weight):
    """Each model has a coefficient of its own in your fit. The taste for length belongs to the judge, who is the same for all: one coefficient that all models share."""
    fits = []
    for one in range(model.max() + 1):
        rows = model == one
        fits.append(
            _newton(_design(np.zeros(rows.sum(), int), difference[rows]), outcome[rows], weight[rows])
        )
    fits = np.array(fits)
    return _percent(fits[:, 0]), fits[:, 1].mean()


def length_controlled__first_model_held_at_fifty(outcome, model, difference, weight):
    """Your first model always gets 50 %: its column is missing from the design, so its strength is held at 0. Here the fixed opponent is the reference, and every model has a column."""
    theta = _newton(_design(model, difference)[:, 1:], outcome, weight)
    return np.r_[50.0, _percent(theta[:-1])], theta[-1]


def length_controlled__straight_line(outcome, model, difference, weight):
    """This is a straight line through wins and losses, least squares. Probabilities follow the curve sigma; fit that one."""
    design = _design(model, difference)
    theta = np.linalg.solve(design.T @ (design * weight[:, None]), design.T @ (weight * outcome))
    return 100 * theta[:-1], theta[-1]


def length_controlled__at_each_models_own_length(outcome, model, difference, weight):
    """The coefficient is right, but each score is the one at the model's own mean length, and so nearly the plain score again. At equal length the difference is 0 for everybody."""
    theta = _newton(_design(model, difference), outcome, weight)
    own = np.array([difference[model == one].mean() for one in range(len(theta) - 1)])
    return _percent(theta[:-1] + theta[-1] * own), theta[-1]


def length_controlled__centred(outcome, model, difference, weight):
    """Your coefficient is right, but the scores hold at the *average* difference: the column was centred. Take it as it is; then 0 means equal length."""
    theta = _newton(_design(model, difference - difference.mean()), outcome, weight)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__scaled(outcome, model, difference, weight):
    """The scores are right, the coefficient is not: it is that of a column which was divided by its standard deviation. Take the column as it is."""
    theta = _newton(_design(model, difference / difference.std()), outcome, weight)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__penalised(outcome, model, difference, weight):
    """All your parameters are pulled towards 0: there is a penalty in the fit, as some libraries add unasked. Asked is the plain maximum of the likelihood."""
    theta = _newton(_design(model, difference), outcome, weight, ridge=1.0)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__one_step(outcome, model, difference, weight):
    """You stop after one Newton step. The curve sigma is not a parabola: repeat the step, with new probabilities, until nothing changes."""
    theta = _newton(_design(model, difference), outcome, weight, rounds=1)
    return _percent(theta[:-1]), theta[-1]


def length_controlled__length_fitted_first(outcome, model, difference, weight):
    """You fit the length alone first and the models afterwards. Then length takes credit for models that write more *and* are better. All parameters have to be fitted together."""
    beta = _newton(np.column_stack([np.ones(len(outcome)), difference]), outcome, weight)[1]
    theta = np.zeros(model.max() + 1)
    for _ in range(200):
        p = 1 / (1 + np.exp(-(theta[model] + beta * difference)))
        theta = theta + np.bincount(model, weight * (outcome - p)) / np.bincount(model, weight * p * (1 - p))
    return _percent(theta), beta


def length_controlled__log_odds(outcome, model, difference, weight):
    """Your coefficient is right, but the scores are log odds, around 0 and partly negative. Asked are percentages, 100 sigma(theta)."""
    theta = _newton(_design(model, difference), outcome, weight)
    return theta[:-1], theta[-1]


def length_controlled__fractions(outcome, model, difference, weight):
    """Your coefficient is right and your scores are a hundred times too small: fractions. Asked are percentages."""
    theta = _newton(_design(model, difference), outcome, weight)
    return _percent(theta[:-1]) / 100, theta[-1]


# %% exercise="9.7"
def _unit(features):
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def _near(table, k, itself=-np.inf):
    """The k largest of each row, the diagonal set to a value (None: left as it is)."""
    table = table.copy()
    if itself is not None:
        np.fill_diagonal(table, itself)
    return np.argsort(-table, axis=1, kind="stable")[:, :k]


def _cosines(features):
    return _unit(features) @ _unit(features).T


def _shared(near_a, near_b):
    return np.array(
        [len(set(one) & set(other)) for one, other in zip(near_a.tolist(), near_b.tolist(), strict=True)]
    )


def mutual_knn__itself_counts(a, b, k=10):
    """Your values are too large, and with one neighbour everything agrees: each image is its own nearest neighbour, in any space. Take it out first."""
    return _shared(_near(_cosines(a), k, None), _near(_cosines(b), k, None)).mean() / k


def mutual_knn__itself_set_to_zero(a, b, k=10):
    """You set the similarity of an image with itself to 0. But cosines may be negative, so with many neighbours it is still among them. Choose a value that is below any cosine."""
    return _shared(_near(_cosines(a), k, 0.0), _near(_cosines(b), k, 0.0)).mean() / k


def mutual_knn__itself_in_one_space(a, b, k=10):
    """In one of the two spaces an image is still its own neighbour. Take it out in both."""
    return _shared(_near(_cosines(a), k), _near(_cosines(b), k, None)).mean() / k


def mutual_knn__plain_product(a, b, k=10):
    """Long vectors are everybody's neighbours for you: the plain product grows with length. For the cosine each row has to have length 1."""
    return _shared(_near(a @ a.T, k), _near(b @ b.T, k)).mean() / k


def mutual_knn__euclidean_distance(a, b, k=10):
    """Your neighbours are those at the smallest distance, so length plays a part. Asked is the cosine: bring the rows to length 1 first."""

    def table(x):
        return -((x[:, None] - x[None]) ** 2).sum(2)

    return _shared(_near(table(a), k), _near(table(b), k)).mean() / k


def mutual_knn__columns_normalised(a, b, k=10):
    """You brought the *columns* to length 1: each feature over all images. One image is one row."""
    a, b = a / np.linalg.norm(a, axis=0), b / np.linalg.norm(b, axis=0)
    return _shared(_near(a @ a.T, k), _near(b @ b.T, k)).mean() / k


def mutual_knn__centred(a, b, k=10):
    """You take off the mean of the features before the cosine, as correlation does. That moves the neighbours; the cosine is asked of the features as they are."""
    return _shared(_near(_cosines(a - a.mean(0)), k), _near(_cosines(b - b.mean(0)), k)).mean() / k


def mutual_knn__farthest(a, b, k=10):
    """You compare the k *least* similar images: the sorting is upwards."""
    return _shared(_near(-_cosines(a), k), _near(-_cosines(b), k)).mean() / k


def mutual_knn__same_place_needed(a, b, k=10):
    """A shared neighbour counts for you only at the same place of both lists, the third with the third. The order inside the k does not matter."""
    return (_near(_cosines(a), k) == _near(_cosines(b), k)).mean()


def mutual_knn__any_shared(a, b, k=10):
    """You count the images that share at least one neighbour. Asked is the share of neighbours, which may be anything between none and all."""
    return (_shared(_near(_cosines(a), k), _near(_cosines(b), k)) > 0).mean()


def mutual_knn__union_below(a, b, k=10):
    """You divide by the number of different neighbours in both lists, which is more than k unless all are shared. That is Jaccard's index; here the count is divided by k."""
    shared = _shared(_near(_cosines(a), k), _near(_cosines(b), k))
    return (shared / (2 * k - shared)).mean()


def mutual_knn__not_divided(a, b, k=10):
    """Your value is the mean *number* of shared neighbours, up to k. Asked is the share, up to 1."""
    return _shared(_near(_cosines(a), k), _near(_cosines(b), k)).mean()


def mutual_knn__one_space_twice(a, b, k=10):
    """Your value is always 1: the neighbours of one space are compared with themselves. The second list has to come from b."""
    return _shared(_near(_cosines(a), k), _near(_cosines(a), k)).mean() / k


def mutual_knn__neighbours_across_spaces(a, b, k=10):
    """You look for the neighbours of an image of a among the vectors of b. The two spaces have different axes; each space finds its neighbours among its own vectors."""
    width = min(a.shape[1], b.shape[1])
    across = _unit(a[:, :width]) @ _unit(b[:, :width]).T
    return _shared(_near(across, k), _near(across.T, k)).mean() / k


def mutual_knn__k_fixed(a, b, k=10):
    """Your value is the same for every k: the argument has no effect."""
    k = min(10, len(a) - 1)
    return _shared(_near(_cosines(a), k), _near(_cosines(b), k)).mean() / k


# %% exercise="9.8"
def _line(u, y):
    """Centred u and y, slope and residuals of least squares."""
    u, y = u - u.mean(), y - y.mean()
    slope = u @ y / (u @ u)
    return u, y, slope, y - slope * u


def _refused(x):
    if len(x) < 3 or (np.asarray(x) <= 0).any():
        raise ValueError("three points, x above 0")


def _answer(u, y, t, freedom_error, power=1):
    u, y, slope, left = _line(u, y)
    half = t * np.sqrt(left @ left / freedom_error / (u @ u))
    return slope, slope - half, slope + half, (1 - left @ left / (y @ y)) ** power


def scaling_fit__natural_logarithm(x, y, t_point):
    """Your slope is 1.44 times too large: it is the gain when x grows by a factor of 2.72. Per doubling wants the logarithm to base 2."""
    _refused(x)
    return _answer(np.log(x), y, t_point(len(x) - 2), len(x) - 2)


def scaling_fit__logarithm_to_base_ten(x, y, t_point):
    """Your slope is 3.3 times too large: it is the gain when x grows tenfold. Per doubling wants the logarithm to base 2."""
    _refused(x)
    return _answer(np.log10(x), y, t_point(len(x) - 2), len(x) - 2)


def scaling_fit__x_itself(x, y, t_point):
    """Your line is straight in x, not in its logarithm: a slope per unit of x. Each *doubling* shall add the same."""
    _refused(x)
    return _answer(np.asarray(x, float), y, t_point(len(x) - 2), len(x) - 2)


def scaling_fit__power_law(x, y, t_point):
    """You took the logarithm of y as well. That is a power law; here a doubling adds points, it does not multiply."""
    _refused(x)
    return _answer(np.log2(x), np.log2(np.maximum(y, 1e-3)), t_point(len(x) - 2), len(x) - 2)


def scaling_fit__axes_swapped(x, y, t_point):
    """Your line predicts the logarithm of x from y. Which of the two is given, which is measured? The sum of squares of the given one stands below."""
    _refused(x)
    return _answer(np.asarray(y, float), np.log2(x), t_point(len(x) - 2), len(x) - 2)


def scaling_fit__through_the_origin(x, y, t_point):
    """Your line is forced through 0: nothing was centred, or the intercept is missing. A score need not be 0 at x = 1."""
    _refused(x)
    u = np.log2(x)
    slope = u @ y / (u @ u)
    left = y - slope * u
    half = t_point(len(x) - 2) * np.sqrt(left @ left / (len(x) - 2) / (u @ u))
    return slope, slope - half, slope + half, 1 - left @ left / ((y - y.mean()) @ (y - y.mean()))


def scaling_fit__first_to_last(x, y, t_point):
    """Your slope looks at the first and the last point only. Least squares uses all of them."""
    _refused(x)
    u, y, _, _ = _line(np.log2(x), np.asarray(y, float))
    slope = (y[-1] - y[0]) / (u[-1] - u[0])
    left = y - slope * u
    half = t_point(len(x) - 2) * np.sqrt(left @ left / (len(x) - 2) / (u @ u))
    return slope, slope - half, slope + half, 1 - left @ left / (y @ y)


def scaling_fit__normal_quantile(x, y, t_point):
    """Slope and R2 are right, but your interval is too narrow, most of all for few points: 1.96 belongs to infinitely many. Use t_point with the degrees of freedom that are left."""
    _refused(x)
    return _answer(np.log2(x), y, 1.96, len(x) - 2)


def scaling_fit__one_degree_too_many(x, y, t_point):
    """Slope and R2 are right, the interval is a little too narrow: you count n - 1 degrees of freedom, as for a mean. A line has two parameters."""
    _refused(x)
    return _answer(np.log2(x), y, t_point(len(x) - 1), len(x) - 1)


def scaling_fit__divided_by_n(x, y, t_point):
    """Slope and R2 are right, the interval is too narrow: the squared residuals are divided by n, although two degrees of freedom went into the line."""
    _refused(x)
    return _answer(np.log2(x), y, t_point(len(x) - 2), len(x))


def scaling_fit__freedom_mixed(x, y, t_point):
    """Slope and R2 are right, the interval is too narrow: the residuals are divided by n - 2, but t is taken at another number of degrees of freedom. Both use the same."""
    _refused(x)
    return _answer(np.log2(x), y, t_point(len(x) - 1), len(x) - 2)


def scaling_fit__spread_of_x_forgotten(x, y, t_point):
    """Slope and R2 are right. Your interval takes the scatter of the points round the line for the error of the slope: the spread of the x is missing below the root."""
    _refused(x)
    _, y, slope, left = _line(np.log2(x), np.asarray(y, float))
    half = t_point(len(x) - 2) * np.sqrt(left @ left / (len(x) - 2))
    return slope, slope - half, slope + half, 1 - left @ left / (y @ y)


def scaling_fit__root_of_n(x, y, t_point):
    """Slope and R2 are right. Your interval divides the scatter by the root of n, as for a mean. For a slope the sum of squares of the centred logarithms stands there."""
    _refused(x)
    _, y, slope, left = _line(np.log2(x), np.asarray(y, float))
    half = t_point(len(x) - 2) * np.sqrt(left @ left / (len(x) - 2) / len(x))
    return slope, slope - half, slope + half, 1 - left @ left / (y @ y)


def scaling_fit__half_width(x, y, t_point):
    """Your low and high are the distance from the slope to the ends, with a sign. Asked are the ends themselves."""
    _refused(x)
    slope, low, high, r2 = _answer(np.log2(x), y, t_point(len(x) - 2), len(x) - 2)
    return slope, low - slope, high - slope, r2


def scaling_fit__one_standard_error(x, y, t_point):
    """Slope and R2 are right, your interval reaches one standard error to both sides, which holds the truth far less than 95 times in 100. Multiply by t."""
    _refused(x)
    return _answer(np.log2(x), y, 1.0, len(x) - 2)


def scaling_fit__correlation(x, y, t_point):
    """Slope and interval are right. Your fourth number is the correlation; R2 is its square."""
    _refused(x)
    u, y, slope, left = _line(np.log2(x), np.asarray(y, float))
    half = t_point(len(x) - 2) * np.sqrt(left @ left / (len(x) - 2) / (u @ u))
    return slope, slope - half, slope + half, u @ y / np.sqrt((u @ u) * (y @ y))


def scaling_fit__nothing_refused(x, y, t_point):
    """Your numbers are right, but two points, or an x of 0, come through. A line through two points has no residuals to measure an error with, and 0 has no logarithm: raise a ValueError."""
    if len(x) < 3 or (np.asarray(x) <= 0).any():
        return (float("nan"),) * 4
    return _answer(np.log2(x), y, t_point(len(x) - 2), len(x) - 2)


def scaling_fit__two_points_accepted(x, y, t_point):
    """You refuse an x that is not positive, but not two points. A line through two points fits exactly, so nothing is left to measure its error with. Raise a ValueError."""
    if (np.asarray(x) <= 0).any():
        raise ValueError("x above 0")
    return _answer(np.log2(x), y, t_point(len(x) - 2), len(x) - 2) if len(x) > 2 else (1.0,) * 4


def scaling_fit__zeros_dropped(x, y, t_point):
    """Your numbers are right and two points are refused, but an x of 0 is left out in silence where enough others remain. 0 has no logarithm: raise a ValueError."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    x, y = x[x > 0], y[x > 0]
    _refused(x)
    return _answer(np.log2(x), y, t_point(len(x) - 2), len(x) - 2)

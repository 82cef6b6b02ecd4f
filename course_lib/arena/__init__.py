"""How foundation models are compared: battles, ratings, judges, agreement, intervals (DESIGN, section 6).

`battles` are checked once and counted per pair of models; everything else uses that. `ratings` come from
battles, `judging` makes battles and scores of a judge's verdicts, `playing` is an arena of one's own, and
`published` holds tables that others printed, with what can be checked in them. `paired` compares two models.
Names are loaded when they are first used.
"""

import importlib
from typing import Any

_HOME = {
    "battles": "WINNERS Pairs battle_weights checked outcomes pairs",
    "paired": "McNemar detection_power discordance items_needed mcnemar paired_differences",
    "ratings.elo": "elo_over_orders online_elo",
    "ratings.bradley_terry": "NoFiniteMaximum WILDVISION_PENALTY bradley_terry",
    "ratings.rao_kupper": "RaoKupper rao_kupper",
    "ratings.scale": "elo_scale win_rates",
    "ratings.matrices": "count_matrix win_fraction",
    "ratings.ranking": "leaderboard per_category",
    "ratings.simulation": "simulate",
    "ratings.intervals": "bootstrap multinomial_bootstrap percentiles ranks sandwich",
    "judging.verdicts": "VERDICTS judge_table star_scores verdict_battles",
    "judging.verdict_rules": "TOOLKITS missing_rules toolkit_table",
    "judging.verdict_intervals": "score_difference score_errors score_intervals score_rounds",
    "judging.judges": "Judge PositionBias Verdict judge_battles parse_label position_bias swapped",
    "judging.rule_judge": "RuleJudge",
    "judging.chat_judge": "ChatJudge JudgeError",
    "judging.agreement": "PROTOCOLS agreement agreement_intervals votes_of",
    "judging.style": "StyleFit length_difference style_controlled",
    "playing.questions": "ArenaQuestion pool",
    "playing.answerers": "Answerer Sampler default_answerers drawn_from preference says",
    "playing.matchmaking": "Matchmaker",
    "playing.votes": "VoteStore battles_table",
    "playing.session": "Arena Refused",
    "playing.hygiene": "Limits clean outlier_voters",
    "published.datasets": "load source",
    "published.openness": "category fully_open openness",
    "published.vote_statistics": "WILDVISION_TABLE_1 check_battle_counts check_votes vote_statistics",
    "published.talk_tables": "FILTER_ROWS SYSTEM_ROWS filter_table misprints system_table",
    "published.lvd142m": "check_rules lvd142m",
    "published.vqa_benchmarks": "BENCHMARKS CATEGORIES category_means check_averages points",
}
_WHERE = {name: module for module, names in _HOME.items() for name in names.split()}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"course_lib.arena has no {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return [*globals(), *__all__]

"""The published verdicts, votes and tables that the course computes from: `load(name)`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).resolve().parents[1] / "data"
# name of the file without .csv -> what a row is; origins, commits and licences are in data/SOURCE.md
NAMES = {
    "wvbench_verdicts": "WildVision-Bench: one five-way verdict of GPT-4o per model and question",
    "wvbench_leaderboard_readme": "WildVision-Bench: leaderboard in the repository's README, one model a row",
    "wvbench_leaderboard_paper_table4": "WildVision paper (arXiv:2406.11069), Table 4, one model a row",
    "wvarena_leaderboard_paper_table2": "WildVision paper, Table 2: arena Elo, one model a row",
    "llmfao_crowd": "LLMFAO: one crowd vote per row, as battles",
    "arena_hard_leaderboard_20240731": "Arena-Hard: leaderboard of 2024-07-31, one model a row",
    "openclip_scaling_results": "OpenCLIP models: one evaluation per row, with samples seen and GMACs",
    "webssl_appendix_vqa": "Web-SSL paper (arXiv:2504.01017), appendix tables: 16 VQA scores per encoder",
    "webssl_filter_table": "Web-SSL talk: one encoder and share of the data a row, `filter_table`",
    "webssl_system_table": "Web-SSL talk: VQA and classic vision, one encoder a row, `system_table`",
    "lvd142m": "DINOv2 paper (arXiv:2304.07193), appendix A: one source of LVD-142M a row, `lvd142m`",
    "molmo_academic_elo": "Molmo paper (arXiv:2409.17146), Figure 2: academic mean and Elo of a model a row",
}


def load(name: str) -> pd.DataFrame:
    """One of the published tables in `NAMES`, read anew at each call, so that it may be changed freely.

    "llmfao_crowd" comes as battles: model_a (shown left), model_b, winner, question, voter, comparison
    (several voters saw the same one).
    "wvbench_verdicts" comes as verdicts: model, question, verdict (the label in the judge's text, which the
    paper's scores use), stored_verdict (the label in the released score field, which the README's scores
    use), judge_text, answer_tokens. Both verdicts are missing where there is no label.
    All others come as they stand in the file. Raises ValueError, with all names, for a name that is none.
    """
    import pandas as pd

    if name not in NAMES:
        raise ValueError(f"load: there is no table {name!r}; the tables are {', '.join(NAMES)}.")
    table = pd.read_csv(FOLDER / f"{name}.csv")
    if name == "llmfao_crowd":
        return _crowd_battles(table)
    if name == "wvbench_verdicts":
        return _verdicts(table)
    return table


def source() -> str:
    """Where each table came from: origin, commit, licence, columns and known oddities (Markdown)."""
    return (FOLDER / "SOURCE.md").read_text(encoding="utf-8")


def _crowd_battles(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    winners = {"left": "model_a", "right": "model_b", "tie": "tie"}
    return pd.DataFrame(
        {
            "model_a": table["left"],
            "model_b": table["right"],
            "winner": table["winner"].map(winners),
            "question": table["prompt"],
            "voter": table["worker"],
            "comparison": table["id"],
        }
    )


def _verdicts(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    # where no label was found the score field holds raw judge text or nothing: no verdict, and never a tie
    stored = table["verdict_field"].where(~table["verdict_field"].isin(["FREE_TEXT", "EMPTY"]))
    return pd.DataFrame(
        {
            "model": table["model"],
            "question": table["question_id"],
            "verdict": table["parsed_label"],
            "stored_verdict": stored,
            "judge_text": table["judge_text_kind"],
            "answer_tokens": table["answer_token_len"],
        }
    )

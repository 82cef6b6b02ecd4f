"""How open a vision-language model is: six states a model, and the rule that gives its category."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

STATES = ("open", "distilled", "closed")
PARTS = ("vlm", "llm", "encoder")  # the whole model, its language backbone, its vision encoder
COLUMNS = tuple(f"{part}_{what}" for part in PARTS for what in ("weights", "data"))
CATEGORIES = ("API only", "open weights", "open weights, distilled data", "open weights and data")

# Deitke et al. 2024, Molmo and PixMo, arXiv:2409.17146, the openness table, as on the lecture's slide;
# spelling put right (Qwen, PaliGemma, LLaVA, Cambrian-1 34B and 8B). The slide's group labels have slid
# down by several rows and are not kept: the category is computed. One letter for each of COLUMNS: o(pen),
# d(istilled), c(losed).
_TABLE = {
    "oo oc oc": ("Molmo-72B", "Molmo-7B-D", "LLaVA-1.5 13B", "LLaVA-1.5 7B"),
    "oo oo oc": ("Molmo-7B-O", "MolmoE-1B"),
    "cc cc cc": (
        "GPT-4o",
        "GPT-4V",
        "Gemini 1.5 Pro",
        "Gemini 1.5 Flash",
        "Claude 3.5 Sonnet",
        "Claude 3 Opus",
        "Claude 3 Haiku",
    ),
    "oc oc oc": (
        "Qwen VL2 72B",
        "Qwen VL2 7B",
        "InternVL2 Llama 76B",
        "InternVL2 8B",
        "Pixtral 12B",
        "Phi3.5-Vision 4B",
        "PaliGemma 3B",
    ),
    "od oc oc": (
        "LLaVA OneVision 72B",
        "LLaVA OneVision 7B",
        "Cambrian-1 34B",
        "Cambrian-1 8B",
        "xGen-MM-Interleave 4B",
    ),
}


def openness() -> pd.DataFrame:
    """The 25 models of the slide, one a row (index model).

    Columns: vlm_weights, vlm_data, llm_weights, llm_data, encoder_weights, encoder_data (data means data and
    code), each open, distilled or closed; category by `category`; closed: how many of the six are not open.
    "Distilled" is data that a closed model wrote: to be had, but not to be made again without that model.
    """
    import pandas as pd

    letters = {state[0]: state for state in STATES}
    rows = {
        model: [letters[letter] for letter in pattern.replace(" ", "")]
        for pattern, models in _TABLE.items()
        for model in models
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=pd.Index(COLUMNS)).rename_axis("model")
    table["category"] = [category(row) for _, row in table.iterrows()]
    table["closed"] = (table[list(COLUMNS)] != "open").sum(axis=1)
    return table


def category(row) -> str:
    """The category of one model, from its own weights and data (its parts' openness is another question).

    row: a mapping with vlm_weights and vlm_data. Closed weights: "API only". Otherwise by the data: closed
    "open weights", distilled "open weights, distilled data", open "open weights and data".
    Raises ValueError for another state, distilled weights, and open data under closed weights, which no row
    has.
    """
    weights, data = row["vlm_weights"], row["vlm_data"]
    if weights not in ("open", "closed"):
        raise ValueError(f"category: vlm_weights is {weights!r}; weights are open or closed.")
    if data not in STATES:
        raise ValueError(f"category: vlm_data is {data!r}; data are {', '.join(STATES)}.")
    if weights == "closed":
        if data != "closed":
            raise ValueError(
                f"category: vlm_weights is closed and vlm_data {data!r}; no category is known for data "
                "without weights."
            )
        return "API only"
    return {"closed": CATEGORIES[1], "distilled": CATEGORIES[2], "open": CATEGORIES[3]}[data]


def fully_open(row) -> bool:
    """Whether all six states of a model are open: only then it can be made again from nothing."""
    return all(row[column] == "open" for column in COLUMNS)

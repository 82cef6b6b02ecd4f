"""The openness table: as on the slide, with its category computed."""

import pytest

from course_lib.arena.published.openness import CATEGORIES, COLUMNS, STATES, category, fully_open, openness


def test_the_table_of_the_slide():
    table = openness()
    assert len(table) == 25
    assert not table.index.has_duplicates
    assert table[list(COLUMNS)].isin(STATES).all(axis=None)
    assert table["category"].value_counts().to_dict() == {
        "API only": 7,
        "open weights": 7,
        "open weights and data": 6,
        "open weights, distilled data": 5,
    }
    assert set(table["category"]) == set(CATEGORIES)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Claude 3.5 Sonnet", "API only"),  # the slide's label beside it reads "Open Weights"
        ("Qwen VL2 7B", "open weights"),
        ("Cambrian-1 8B", "open weights, distilled data"),
        ("Molmo-7B-O", "open weights and data"),
        ("LLaVA-1.5 13B", "open weights and data"),
    ],
)
def test_categories_follow_from_the_states(model, expected):
    assert openness().loc[model, "category"] == expected


def test_no_model_is_open_in_every_part_and_molmo_lacks_the_encoders_data():
    table = openness()
    assert not any(fully_open(row) for _, row in table.iterrows())
    assert table["closed"].min() == 1
    nearest = table[table["closed"] == 1]
    assert set(nearest.index) == {"Molmo-7B-O", "MolmoE-1B"}
    assert (nearest["encoder_data"] == "closed").all()
    assert (table["encoder_data"] == "closed").all()


def test_the_rule_refuses_what_no_category_is_known_for():
    with pytest.raises(ValueError, match="vlm_weights is 'distilled'; weights are open or closed"):
        category({"vlm_weights": "distilled", "vlm_data": "open"})
    with pytest.raises(ValueError, match="data are open, distilled, closed"):
        category({"vlm_weights": "open", "vlm_data": "?"})
    with pytest.raises(ValueError, match="no category is known for data without weights"):
        category({"vlm_weights": "closed", "vlm_data": "open"})
    assert fully_open(dict.fromkeys(COLUMNS, "open"))

"""Cutting text into the codebook's unit."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.segment import segment

PIECES = [
    "We reject the plan", "and urge both sides to talk", ", underscoring the need for peace", "; ", ". ", "\n", "\n\n",
    "- ", "1. ", "(a) ", "# ", "**", "“", "”", "(", ")", "The U.S. and 1.5 °C", "S/RES/1701 (2006)", ", and ", " but ",
    "Recalling its decision,", "é中🙂", "\t", "\r\n", "<!-- -->", "...", "Mr. President", " ", "and jointly ", "\u200b",
]  # fmt: skip
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@settings(max_examples=300, deadline=None)
@given(texts)
@example("<!-- a -->We reject the plan and <!-- x --> urge both sides to talk now.")
@example("and in this regard, and in this regard, and in this regard, urging the Council to act on the matter now")
def test_clauses_are_slices_in_order_that_lose_no_letter(text: str) -> None:
    clauses = segment(text)
    position = 0
    for clause in clauses:
        assert clause.start >= position, "in order, without overlap"
        assert text[clause.start : clause.end] == clause.text
        assert clause.text == clause.text.strip()
        assert any(character.isalnum() for character in clause.text)
        between = text[position : clause.start]
        assert not any(character.isalnum() for character in COMMENT.sub("", between))
        position = clause.end
    assert not any(character.isalnum() for character in COMMENT.sub("", text[position:]))


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        (
            "The sides reiterated their opposition to new tariffs and called for the talks to resume at once.",
            ["The sides reiterated their opposition to new tariffs", "and called for the talks to resume at once."],
        ),
        (
            "They welcomed the accord, underscoring the importance of trust; and took note of the report.",
            ["They welcomed the accord,", "underscoring the importance of trust;", "and took note of the report."],
        ),
        (
            "Recalling all its previous decisions,\nDeeply alarmed by the famine in the north,\n"
            "1. Condemns the blockade of the port and demands that it be lifted;\n2. Decides to remain seized.",
            [
                "Recalling all its previous decisions,",
                "Deeply alarmed by the famine in the north,",
                "1. Condemns the blockade of the port",
                "and demands that it be lifted;",
                "2. Decides to remain seized.",
            ],
        ),
        ("We should treat others as equals and support them.", ["We should treat others as equals and support them."]),
        ("They condemn and reject the new law.", ["They condemn and reject the new law."]),
        ("They back early warning and early action there.", ["They back early warning and early action there."]),
        ("Warming of 1.5 °C was noted in the U.S. report.", ["Warming of 1.5 °C was noted in the U.S. report."]),
        ("# Summit ends\n\nLeaders met\nin the old town.", ["Summit ends", "Leaders met\nin the old town."]),
        ("- **Trade.** We agree.\n- We will build it.", ["Trade.", "We agree.", "We will build it."]),
        ("They say (as they urge us to go and reject it) no.", ["They say (as they urge us to go and reject it) no."]),
        (
            "The Government backs the plan and will confront those who arm the militias.",
            ["The Government backs the plan", "and will confront those who arm the militias."],
        ),
        (
            "4. Deplores the attack on the clinic; 5. Welcomes the offer of aid.",
            ["4. Deplores the attack on the clinic;", "5. Welcomes the offer of aid."],
        ),
        ("", []),
        (" \n--- ***\n", []),
    ],
)  # fmt: skip
def test_unit_of_the_codebook(text: str, clauses: list[str]) -> None:
    assert [clause.text for clause in segment(text)] == clauses


def test_an_appended_paragraph_changes_nothing_before_it() -> None:
    text = "We reject the plan and urge both sides to meet. They met on Monday.\n\nNobody objected to the text."
    assert segment(text + "\n\nWe welcome it.")[:-1] == segment(text)

"""The behaviour suite and the actor swap: the suites themselves; what the model makes of them is in test_commands."""

from collections import Counter

import numpy as np
import pytest

from data.near_duplicates import near_duplicates
from data.reading import CORPUS, read_clauses
from data.rows import CODES
from eval.actor_swap import actor_swap, put, slot
from eval.behaviour import behaviour, passes, read_cases

CASES = read_cases()
KEYS = {
    "minimum": {"capability", "test", "text", "label"},
    "invariance": {"capability", "test", "text", "variant", "label"},
    "direction": {"capability", "test", "text", "variant", "code"},
}


def test_the_suite_is_large_and_well_formed() -> None:
    assert len(CASES) >= 400
    assert min(Counter(case["capability"] for case in CASES).values()) >= 20
    assert len({(case["text"], case.get("variant")) for case in CASES}) == len(CASES)
    for case in CASES:
        assert set(case) == KEYS[case["test"]], case
        assert case.get("label", case.get("code")) in CODES, case


def test_no_case_was_learnt_from() -> None:
    corpus = read_clauses(CORPUS)["text"][:]
    cases = [text for case in CASES for text in (case["text"], case.get("variant")) if text]
    assert [
        (corpus[i], cases[j - len(corpus)]) for i, j in near_duplicates(corpus + cases) if i < len(corpus) <= j
    ] == []


def test_a_perfect_coder_passes_and_a_blind_one_does_not() -> None:
    known = {case["text"]: case["label"] for case in CASES if "label" in case}
    known |= {case["variant"]: case["label"] for case in CASES if case["test"] == "invariance"}
    codes = {case["variant"]: case["code"] for case in CASES if case["test"] == "direction"}

    def perfect(texts: list[str]) -> np.ndarray:
        return np.array([[float(code == (known | codes).get(text, "")) for code in CODES] for text in texts])

    def same(texts: list[str]) -> np.ndarray:
        return np.tile([0.4, 0.3, 0.2, 0.1], (len(texts), 1))

    # Some variants of a direction are also texts of another case's pair; the suite has none that contradict.
    assert behaviour(perfect, CODES)["pass_rate"] == 1
    assert behaviour(same, CODES)["pass_rate"] < 0.5
    assert len(behaviour(same, CODES)["failed"]) == passes(same, CODES, CASES).count(False)


@pytest.mark.parametrize(
    ("text", "actor", "swapped"),
    [
        ("The European Union rejected the offer.", "Kenya", "Kenya rejected the offer."),
        ("On Friday we met.", "the two sides", "On Friday the two sides met."),
        ("They agreed.", "the ministers", "The ministers agreed."),
        ('"We will not," he said.', "they", '"They will not," he said.'),
    ],
)
def test_a_swap_changes_the_actor_alone(text: str, actor: str, swapped: str) -> None:
    place = slot(text)
    assert place is not None
    assert put(place, actor) == swapped
    assert put(place, place.actor) == text


@pytest.mark.parametrize("text", ["Talks ended.", "The weather was fine.", "Wept and theyrs"])
def test_a_clause_without_an_actor_has_no_slot(text: str) -> None:
    assert slot(text) is None


def test_a_model_that_looks_at_the_actor_is_caught() -> None:
    """A coder for whom whatever Iran does is opposed, and one that does not look."""
    texts = [f"{actor} signed treaty {n}." for n in range(20) for actor in ("Iran", "Japan")]
    documents = [f"d{n}" for n in range(20) for _ in range(2)]

    def partial(clauses: list[str]) -> np.ndarray:
        return np.array([[0.8, 0.2] if "Iran" in clause else [0.3, 0.7] for clause in clauses])

    def fair(clauses: list[str]) -> np.ndarray:
        return np.tile([0.3, 0.7], (len(clauses), 1))

    caught = actor_swap(partial, texts, documents, ["oppose", "none"])
    assert caught["flips"] > 0.4
    assert caught["bias"]["Iran"]["oppose"]["value"] == pytest.approx(0.5)
    assert caught["bias"]["Iran"]["oppose"]["interval"][0] > 0
    assert caught["bias"]["Kenya"]["oppose"]["value"] == 0
    cleared = actor_swap(fair, texts, documents, ["oppose", "none"])
    assert (cleared["flips"], cleared["change"]) == (0, 0)
    assert cleared["clauses"] == 40
    assert actor_swap(fair, ["Talks ended."], ["d"], ["oppose", "none"])["flips"] is None

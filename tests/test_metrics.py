"""Scores against scikit-learn, by hand, and their intervals by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from data.rows import CODES
from eval.baselines import cue_lexicon, majority
from eval.compare import compare
from eval.metrics import average_precision, bootstrap, confusions, evaluate, interval, overall

LABELS = list(CODES)
codings = st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES), st.sampled_from("abc")), min_size=1)


@settings(max_examples=100, deadline=None)
@given(codings)
def test_scores_agree_with_scikit_learn(rows: list[tuple[str, str, str]]) -> None:
    gold, predicted, documents = (list(column) for column in zip(*rows, strict=True))
    scores = evaluate(gold, predicted, documents, LABELS)
    present = sorted(set(gold))
    positions = [label for label in present if label != "none"]
    expected = {
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1_score(gold, predicted, labels=present, average="macro", zero_division=0),
        "macro_f1_positions": f1_score(gold, predicted, labels=positions, average="macro", zero_division=0)
        if positions
        else None,
    }
    for name, value in expected.items():
        assert scores[name]["value"] == (None if value is None else pytest.approx(value)), name
    columns = precision_recall_fscore_support(gold, predicted, labels=present, zero_division=0)
    for label, precision, recall, f1, support in zip(present, *columns, strict=True):
        row = scores["per_label"][label]
        assert [row[name]["value"] for name in ("precision", "recall", "f1")] == pytest.approx([precision, recall, f1])
        assert row["support"] == support


def test_a_code_without_gold_rows_has_no_score() -> None:
    scores = evaluate(["oppose", "oppose"], ["oppose", "none"], ["a", "b"], LABELS)
    assert scores["per_label"]["support"]["f1"] == {"value": None, "interval": None}
    assert scores["per_label"]["none"]["recall"]["value"] is None
    assert scores["macro_f1"]["value"] == pytest.approx(2 / 3)


def test_one_document_gives_no_interval() -> None:
    scores = evaluate(["oppose", "none"], ["oppose", "none"], ["a", "a"], LABELS)
    assert scores["accuracy"] == {"value": 1.0, "interval": None}


def test_the_vectorised_bootstrap_is_resampling_of_documents() -> None:
    counts = confusions(["x", "y", "y"], ["x", "x", "y"], ["a", "a", "b"], ["x", "y"])
    possible = [2 * counts[0], counts[0] + counts[1], 2 * counts[1]]
    drawn = bootstrap(counts, draws=4000)
    shares = [np.mean([(draw == sample).all() for draw in drawn]) for sample in possible]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


@pytest.mark.parametrize("documents", [4, 60])
def test_intervals_cover_the_true_accuracy(documents: int) -> None:
    """Documents of 20 clauses whose accuracy varies around 0.8: about 95 of 100 intervals hold 0.8."""
    random, covered = np.random.default_rng(5), 0
    for _ in range(200):
        hits = random.binomial(20, random.beta(16, 4, size=documents))
        counts = np.zeros((documents, 2, 2), dtype=np.int64)
        counts[:, 0, 0], counts[:, 0, 1] = hits, 20 - hits
        low, high = interval(overall(bootstrap(counts, draws=500), ["x", "y"])["accuracy"], documents) or (1, 0)
        covered += low <= 0.8 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_same_input_gives_the_same_scores() -> None:
    rows = [["oppose", "none", "support"], ["oppose", "support", "support"], ["a", "b", "c"]]
    assert evaluate(*rows, LABELS) == evaluate(*rows, LABELS)


def test_the_majority_is_the_commonest_gold_code() -> None:
    assert majority(["none", "oppose", "none"]) == ["none"] * 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The two governments condemned the raid.", "oppose"),
        ("We are deeply concerned by the reports.", "oppose"),
        ("She welcomed the offer.", "support"),
        ("They cannot support the draft.", "oppose"),
        ("We do not oppose the visit.", "support"),
        ("Fishing vessels must not enter the zone.", "call-for"),
        ("He appealed to both sides to talk.", "call-for"),
        ("The meeting was held on Monday.", "none"),
        ("", "none"),
    ],
)
def test_the_cue_lexicon_knows_the_codebook_s_cues(text: str, code: str) -> None:
    assert cue_lexicon([text]) == [code]


def test_average_precision_is_scikit_learns() -> None:
    generator = np.random.default_rng(3)
    scores = generator.random((200, 4))
    gold = generator.choice(LABELS, 200).tolist()
    result = average_precision(scores, gold, [str(i // 10) for i in range(200)], LABELS)
    for index, label in enumerate(LABELS):
        expected = average_precision_score(np.array(gold) == label, scores[:, index])
        assert result["per_label"][label]["value"] == pytest.approx(expected)
        low, high = result["per_label"][label]["interval"]
        assert low < expected < high
    assert average_precision(scores[:3], ["oppose"] * 3, list("abc"), LABELS)["per_label"]["none"]["value"] is None


@settings(max_examples=50, deadline=None)
@given(codings)
def test_the_correlation_is_scikit_learns(rows: list[tuple[str, str, str]]) -> None:
    gold, predicted, documents = (list(column) for column in zip(*rows, strict=True))
    value = evaluate(gold, predicted, documents, LABELS)["mcc"]["value"]
    assert value == (
        None if len(set(gold)) == 1 or len(set(predicted)) == 1 else pytest.approx(matthews_corrcoef(gold, predicted))
    )


def test_a_comparison_is_mcnemar_s_worked_by_hand() -> None:
    """Ten clauses: eight that only the first has right, one that only the other has: 2 · (1 + 9) / 2⁹ = 0.0390625."""
    gold, documents = ["none"] * 10, [str(i) for i in range(10)]
    first, other = ["none"] * 9 + ["oppose"], ["oppose"] * 8 + ["none"] * 2
    result = compare(gold, {"first": first, "other": other, "same": first}, documents, LABELS)
    assert (result["other"]["first_only"], result["other"]["other_only"]) == (8, 1)
    assert result["other"]["p"] == pytest.approx(0.0390625)
    assert result["other"]["p_holm"] == pytest.approx(2 * 0.0390625)
    assert result["same"]["lead"] == {"value": 0, "interval": [0, 0]}
    assert result["same"]["p_holm"] == 1


def test_a_lead_that_is_real_is_found_and_one_that_is_not_is_rare() -> None:
    generator = np.random.default_rng(5)
    documents, found, false = [str(i // 10) for i in range(400)], 0, 0
    for _ in range(30):
        gold = generator.choice(LABELS, 400)
        coders = {
            name: np.where(generator.random(400) < right, gold, generator.choice(LABELS, 400)).tolist()
            for name, right in (("good", 0.9), ("as good", 0.9), ("worse", 0.75))
        }
        result = compare(gold.tolist(), coders, documents, LABELS)
        found += result["worse"]["lead"]["interval"][0] > 0
        false += not result["as good"]["lead"]["interval"][0] <= 0 <= result["as good"]["lead"]["interval"][1]
    assert found >= 27
    assert false <= 5

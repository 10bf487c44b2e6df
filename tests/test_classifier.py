"""The classifier and what explains it: stock scikit-learn, blind to the actor, additive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from tiny_corpus import tiny_rows

from features.text import Features, clause_features
from models.classifier import stance_classifier
from models.explain import Explainer

ROWS = tiny_rows()
TEXTS, LABELS = [str(row["text"]) for row in ROWS], [str(row["label"]) for row in ROWS]


@pytest.fixture(scope="module")
def fitted() -> Pipeline:
    return stance_classifier().fit(TEXTS, LABELS)


def test_every_part_is_stock_scikit_learn(fitted: Pipeline) -> None:
    parts = [fitted, *(part for part in fitted.get_params().values() if hasattr(part, "fit"))]
    assert {type(part).__module__.split(".")[0] for part in parts} == {"sklearn"}


def test_builders_return_fresh_unfitted_parts() -> None:
    assert stance_classifier() is not stance_classifier()
    assert not hasattr(stance_classifier()[-1], "coef_")
    assert not hasattr(clause_features().transformer_list[0][1], "vocabulary_")


def test_each_half_of_a_row_has_unit_length(fitted: Pipeline) -> None:
    for _, vectoriser in fitted["features"].transformer_list:
        rows = vectoriser.transform(TEXTS)
        assert np.allclose(np.sqrt(rows.multiply(rows).sum(axis=1)), 1)


def test_it_learns_the_tiny_corpus_and_carries_over(fitted: Pipeline) -> None:
    assert list(fitted.predict(TEXTS)) == LABELS
    unseen = [
        "They strongly oppose it.",
        "We welcome the offer.",
        "All must resume talks.",
        "Envoys met and discussed it.",
    ]
    assert list(fitted.predict(unseen)) == ["oppose", "support", "call-for", "none"]


def test_the_solver_has_converged(fitted: Pipeline) -> None:
    """A thousand times the tolerance moves no probability by a ten-thousandth."""
    regression: LogisticRegression = fitted[-1]
    features = fitted[:-1].transform(TEXTS)
    tight = LogisticRegression(**regression.get_params() | {"tol": regression.tol / 1000}).fit(features, LABELS)
    assert np.abs(tight.predict_proba(features) - regression.predict_proba(features)).max() < 1e-4


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(" ".join(TEXTS).split()), min_size=1, max_size=20).map(" ".join))
def test_contributions_and_intercept_add_up_to_the_decision(fitted: Pipeline, text: str) -> None:
    decision = fitted.decision_function([text])[0]
    for index, label in enumerate(fitted.classes_):
        parts = Explainer(fitted).contributions(text, label)
        assert sum(part.value for part in parts) + fitted[-1].intercept_[index] == pytest.approx(decision[index])
        assert [part.value for part in parts] == sorted((part.value for part in parts), reverse=True)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*" ".join(TEXTS).split(), "İstanbul", "  ", "ẞ"]), max_size=20).map(" ".join))
def test_phrases_are_words_of_the_text_and_add_up_too(fitted: Pipeline, text: str) -> None:
    explainer, decision = Explainer(fitted), fitted.decision_function([text])[0]
    for index, label in enumerate(fitted.classes_):
        phrases = explainer.phrases(text, label)
        assert sum(each.value for each in phrases) + fitted[-1].intercept_[index] == pytest.approx(decision[index])
        if len(text.lower()) == len(text):
            assert all(each.term in " ".join(text.split()) for each in phrases)


def test_contributions_against_another_label_are_differences(fitted: Pipeline) -> None:
    text = TEXTS[0]
    lead = {part.term: part.value for part in Explainer(fitted).contributions(text, "oppose", against="none")}
    one, other = (
        {p.term: p.value for p in Explainer(fitted).contributions(text, label)} for label in ("oppose", "none")
    )
    assert lead == pytest.approx({term: one[term] - other[term] for term in one})


def test_words_of_one_letter_and_phrases_of_three_words_count() -> None:
    features = clause_features(Features(characters=(2, 5))).fit(
        ["Some issue a declaration.", "Some issue a declaration."]
    )
    words, stems, characters = (set(part.get_feature_names_out()) for _, part in features.transformer_list)
    assert {"a declaration", "issue a declaration", "some issue a"} <= words
    assert {"declar", "a declar", "some issue a declar"} <= stems
    assert {"is", "issue", "issu"} <= characters
    assert max(map(len, characters)) == 5


@pytest.mark.parametrize(
    ("token", "there", "gone"),
    [
        ("words", {"12", "votes"}, {"!", "1"}),
        ("words and punctuation", {"12", "votes", "!"}, set()),
        ("words without numbers", {"votes"}, {"12", "1"}),
        ("words, of numbers the first digit", {"1", "votes"}, {"12", "2"}),
    ],
)
def test_what_a_token_is(token: str, there: set[str], gone: set[str]) -> None:
    features = clause_features(Features(words=(1, 1), token=token, stems=None)).fit(["by 12 votes!", "by 12 votes!"])
    terms = set(features["words"].get_feature_names_out())
    assert there <= terms
    assert not gone & terms


ACTORS = (
    "Japan",
    "The European Union",
    "the Republic of Varnovia",
    "Ms. Okwuosa",
    "the Green Party",
    "We",
    "The leaders",
)


@pytest.mark.parametrize("clause", ["{} cannot accept it.", "They said that {} must act.", "It was opposed by {}"])
def test_whoever_stands_in_a_clause_it_has_the_same_features(clause: str) -> None:
    """Also at the very end, and whatever was there at first."""
    texts = [clause.format(actor) for actor in ACTORS]
    features = clause_features().fit(texts + ["It was opposed by nobody who must act, and cannot accept it."] * 2)
    rows = features.transform(texts).toarray()
    assert rows.any()
    assert (rows == rows[0]).all()


def test_contributions_of_two_labels_mirror_each_other() -> None:
    two = stance_classifier().fit(["We oppose it.", "We oppose it.", "We like it.", "We like it."], list("ooss"))
    mirrored = {part.term: -part.value for part in Explainer(two).contributions("We oppose it.", "s")}
    assert {part.term: part.value for part in Explainer(two).contributions("We oppose it.", "o")} == mirrored


def test_the_top_terms_of_a_code_are_its_cues(fitted: Pipeline) -> None:
    assert "oppose-" in {part.term for part in Explainer(fitted).top_terms("oppose", 10)}
    assert "welcom-" in {part.term for part in Explainer(fitted).top_terms("support", 10)}

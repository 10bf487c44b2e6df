"""Fitting in parts: the same as fitting plainly, blind to what is held out, the same on any number of workers."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from tiny_corpus import tiny_rows

from data.errors import InputError
from features.text import TOKENS, Features, Range
from models.classifier import Settings, stance_classifier
from models.counting import count
from models.fitting import Clauses, fit, fitted_pipeline, grouped_folds, out_of_fold, term_weights

ROWS = [row | {"document": f"{row['document']}-{n}"} for n in range(3) for row in tiny_rows()]
WORDS = "tariffs talks visas quotas bridges ports fisheries levies courts grants".split()
TEXTS = [f"{row['text']} {WORDS[i % 10]} {WORDS[i * i % 7]}" for i, row in enumerate(ROWS)]
LABELS, GROUPS = [str(row["label"]) for row in ROWS], [str(row["document"]) for row in ROWS]
PLAIN = Settings(weighting=0.0)


@pytest.mark.parametrize(
    "settings",
    [
        PLAIN,
        Settings(Features(words=(1, 2), stems=None, characters=(2, 5)), C=10, weighting=0),
        Settings(Features(characters=(3, 8), analyzer="char", characters_min_df=3, use_idf=False), weighting=0),
        Settings(
            Features(stems=(1, 2), stem_length=4, norm="l1", sublinear_tf=False), weighting=0, class_weight="balanced"
        ),
    ],
)
def test_a_fold_is_fitted_as_if_the_rest_had_never_been_counted(settings: Settings) -> None:
    counted = Clauses(settings, TEXTS, LABELS, GROUPS)
    for train, test in grouped_folds(counted.labels, counted.groups, 3, 0):
        plain = stance_classifier(settings).fit([TEXTS[i] for i in train], [LABELS[i] for i in train])
        expected = plain.decision_function([TEXTS[i] for i in test])
        fitted = fit(counted, train)
        assert fitted.regression.coef_.shape == plain[-1].coef_.shape
        assert np.abs(fitted.decisions(counted, test) - expected).max() < 1e-4


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("words", [(1, 3), (2, 2), None])
def test_n_grams_are_counted_as_scikit_learn_counts_them(token: str, blind: bool, words: Range | None) -> None:
    features = Features(words=words, token=token, blind=blind, stems=(1, 4), stem_length=4, characters=(2, 3))
    texts = [*TEXTS, "", "_a1_ a1 12 x² İ Σ", "_a1_ a1 12 x² ΑΣ ΑΣ", "The President and the republic of Varnovia, the"]
    ours, theirs = (stance_classifier(Settings(features))[0].transformer_list for _ in range(2))
    for counts, (_, mine), (_, plain) in zip(count([each for _, each in ours], texts), ours, theirs, strict=True):
        expected = CountVectorizer.fit_transform(plain, texts)
        assert mine.vocabulary_ == plain.vocabulary_
        assert counts.dtype == expected.dtype
        assert np.array_equal(counts.indptr, expected.indptr)
        assert np.array_equal(counts.indices, expected.indices)
        assert np.array_equal(counts.data, expected.data)


def test_the_pipeline_of_a_fit_is_the_plain_pipeline() -> None:
    counted = Clauses(PLAIN, TEXTS, LABELS, GROUPS)
    pipeline = fitted_pipeline(counted, fit(counted))
    plain = stance_classifier(PLAIN).fit(TEXTS, LABELS)
    unseen = ["They strongly oppose the ports.", "", "Ünknown wörds"]
    assert np.abs(pipeline.predict_proba(unseen) - plain.predict_proba(unseen)).max() < 1e-5
    assert list(pipeline[:-1].get_feature_names_out()) == list(plain[:-1].get_feature_names_out())


def test_weights_are_folded_into_the_document_frequencies() -> None:
    weighted = Clauses(Settings(weighting=1.0), TEXTS, LABELS, GROUPS)
    pipeline = fitted_pipeline(weighted, fit(weighted))
    plain = stance_classifier(PLAIN).fit(TEXTS, LABELS)
    raised = dict(
        zip(plain[0]["words"].get_feature_names_out(), pipeline[0]["words"].idf_ / plain[0]["words"].idf_, strict=True)
    )
    assert raised["oppose"] > 1 > raised["on"]


def test_terms_that_tell_labels_apart_weigh_more() -> None:
    counts = Clauses(
        Settings(Features(words=(1, 1), stems=None)), ["no a", "no b", "yes a", "yes b"], list("nnyy"), range(4)
    )
    weights = dict(
        zip(
            counts.pipeline[0]["words"].get_feature_names_out(),
            term_weights(counts.counts[0], counts.labels),
            strict=True,
        )
    )
    assert weights["no"] == weights["yes"] > weights["a"] == weights["b"]


def test_nobody_is_judged_by_a_model_that_has_seen_the_document() -> None:
    """Each document has a word of its own that gives all its labels away; out of fold it is worth nothing."""
    texts = [f"word{group} thing" for group in range(20) for _ in range(4)]
    labels = [["a", "b"][group % 2] for group in range(20) for _ in range(4)]
    groups = [group for group in range(20) for _ in range(4)]
    counted = Clauses(PLAIN, texts, labels, groups)
    names = np.unique(labels)
    assert (names[out_of_fold(counted, jobs=1).argmax(axis=1)] == labels).mean() < 0.6
    assert (names[fit(counted).decisions(counted, np.arange(80)).argmax(axis=1)] == labels).all()


def test_workers_change_nothing() -> None:
    counted = Clauses(Settings(), TEXTS, LABELS, GROUPS)
    assert (out_of_fold(counted, jobs=1) == out_of_fold(counted, jobs=2)).all()


def test_a_disputed_clause_counts_for_both_codes() -> None:
    """A clause coded once so, once so is worth half a clause of either."""
    texts = ["alpha beta", "alpha beta", "gamma delta", "gamma delta"]
    soft = Settings(Features(words=(1, 1), stems=None, words_min_df=1), weighting=0, soft_labels=True)
    coders = [["x", "x"], ["x", "y"], ["y", "y"], ["y", "y"]]
    fitted = fit(Clauses(soft, texts, list("xxyy"), range(4), coders))
    hard = fit(Clauses(soft, texts, list("xxyy"), range(4), None))
    counted = Clauses(soft, texts, list("xxyy"), range(4), coders)
    sure, torn = (each.decisions(counted, np.array([0]))[0] for each in (hard, fitted))
    assert 0 < torn[0] - torn[1] < sure[0] - sure[1]


def test_an_average_lies_between_its_fits() -> None:
    once = fit(Clauses(Settings(), TEXTS, LABELS, GROUPS))
    mean = fit(Clauses(Settings(averaged=5), TEXTS, LABELS, GROUPS))
    assert mean.regression.coef_.shape == once.regression.coef_.shape
    assert 0.5 < np.corrcoef(mean.regression.coef_.ravel(), once.regression.coef_.ravel())[0, 1] < 0.9999


def test_clauses_without_a_common_n_gram_are_told() -> None:
    with pytest.raises(InputError, match="too few n-grams"):
        fit(Clauses(Settings(), ["one", "two"], ["a", "b"], [1, 2]))
    with pytest.raises(InputError, match="one document"):
        out_of_fold(Clauses(Settings(), TEXTS, LABELS, [1] * len(TEXTS)), jobs=1)

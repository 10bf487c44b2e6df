"""Calibration and thresholds: what is put into simulated predictions must be found again."""

import numpy as np
import pytest
from scipy.special import softmax
from tiny_corpus import tiny_rows

from data.errors import InputError
from eval.metrics import calibration, risk_coverage
from models.calibration import calibrate, fold_in, probabilities, temperature, threshold_for, thresholds
from models.classifier import Settings, stance_classifier
from models.fitting import Clauses, fit, fitted_pipeline

NAMES = np.array(["a", "b", "c"])


def simulated(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds that are right about their probabilities, and labels drawn from them."""
    generator = np.random.default_rng(seed)
    decisions = generator.normal(0, 2, (size, 3))
    draws = softmax(decisions, axis=1).cumsum(axis=1) > generator.random((size, 1))
    return decisions, NAMES[draws.argmax(axis=1)]


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(factor: float) -> None:
    decisions, labels = simulated(20_000)
    assert temperature(decisions * factor, labels) == pytest.approx(factor, rel=0.05)


def test_calibrated_predictions_have_no_calibration_error() -> None:
    decisions, labels = simulated(20_000)
    documents = [str(i // 20) for i in range(20_000)]
    right = calibration(probabilities(decisions), list(labels), documents, list(NAMES))
    wrong = calibration(probabilities(decisions * 3), list(labels), documents, list(NAMES))
    assert right["ece"]["value"] < 0.015
    assert wrong["ece"]["value"] > 5 * wrong["ece"]["by_chance"]
    assert wrong["ece"]["value"] > 0.1
    assert right["brier"]["value"] < wrong["brier"]["value"]
    assert wrong["ece"]["interval"][0] < wrong["ece"]["value"] < wrong["ece"]["interval"][1]
    assert sum(each["clauses"] for each in right["bins"]) == 20_000


def test_the_interval_of_the_calibration_error_covers() -> None:
    """A true error that is known lies in 95 % of the intervals, give or take their sampling."""
    decisions, labels = simulated(200_000, seed=1)
    truth = calibration(probabilities(decisions * 2), list(labels), ["d"] * 200_000, list(NAMES))["ece"]["value"]
    hits = calibrated = 0
    for seed in range(30):
        decisions, labels = simulated(1500, seed=100 + seed)
        documents = [str(i // 10) for i in range(1500)]
        low, high = calibration(probabilities(decisions * 2), list(labels), documents, list(NAMES))["ece"]["interval"]
        hits += low <= truth <= high
        error = calibration(probabilities(decisions), list(labels), documents, list(NAMES))["ece"]
        calibrated += error["value"] <= error["by_chance"]
    assert hits >= 25
    assert calibrated >= 25, "a model without error is not told to have one"


def test_folding_in_changes_confidence_but_no_code() -> None:
    rows = tiny_rows()
    texts, labels = [str(row["text"]) for row in rows], [str(row["label"]) for row in rows]
    for kept in (labels, ["none" if label == "none" else "position" for label in labels]):
        model = stance_classifier().fit(texts, kept)
        before, codes = model.decision_function(texts), list(model.predict(texts))
        fold_in(model, 2.0)
        assert np.allclose(model.decision_function(texts), before / 2)
        assert list(model.predict(texts)) == codes


@pytest.mark.parametrize("precision", [0.8, 0.9, 0.95])
def test_thresholds_keep_their_promise_on_new_text(precision: float) -> None:
    """Over 40 samples the promise may be broken by chance in one or two; never much oftener."""
    new, truth = simulated(50_000, seed=7)
    probability = probabilities(new)
    broken = 0
    for seed in range(40):
        found = thresholds(probabilities(simulated(1000, seed)[0]), simulated(1000, seed)[1])[f"{precision:.2f}"]
        for index, name in enumerate(NAMES):
            chosen = (probability.argmax(axis=1) == index) & (probability.max(axis=1) >= (found[name] or 2))
            broken += bool(chosen.any() and (truth[chosen] == name).mean() < precision)
    assert broken <= 0.05 * 120


def test_higher_promises_let_fewer_through() -> None:
    table = thresholds(probabilities(simulated(5000)[0]), simulated(5000)[1])
    for name in NAMES:
        levels = [table[key][name] for key in sorted(table)]
        known = [level for level in levels if level is not None]
        assert known == sorted(known)
        assert None not in levels[: len(known)]


def test_a_promise_that_nobody_can_keep_is_none() -> None:
    decisions, labels = simulated(300)
    noise = np.random.default_rng(0).permutation(labels)
    assert set(thresholds(probabilities(decisions), noise)["0.90"].values()) == {None}


def test_the_next_higher_promise_of_the_card_is_taken() -> None:
    card = {"thresholds": {"0.90": {"a": 0.5}, "0.95": {"a": 0.8}}}
    assert threshold_for(card, 0.9) == {"a": 0.5}
    assert threshold_for(card, 0.91) == {"a": 0.8}
    with pytest.raises(InputError, match=r"end at 0\.95"):
        threshold_for(card, 0.96)
    with pytest.raises(InputError, match="no thresholds"):
        threshold_for({}, 0.9)


def test_few_clauses_or_documents_are_not_calibrated_by() -> None:
    rows = tiny_rows()
    texts, labels = [str(row["text"]) for row in rows], [str(row["label"]) for row in rows]
    for repeat, groups in ((1, list(range(24))), (10, [0] * 240)):
        counted = Clauses(Settings(), texts * repeat, labels * repeat, groups)
        assert calibrate(fitted_pipeline(counted, fit(counted)), counted, jobs=1) == {}


def test_risk_falls_with_coverage_when_confidence_is_right() -> None:
    decisions, labels = simulated(5000)
    curve = risk_coverage(probabilities(decisions), list(labels), list(NAMES))
    accuracies = [point["accuracy"] for point in curve["points"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert curve["points"][-1]["coverage"] == 1
    assert curve["area"] < 1 - accuracies[-1]

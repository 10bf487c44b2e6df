"""Probabilities that mean what they say, and thresholds that keep a promise, both from out-of-fold predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import beta
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import Pipeline

from data.errors import InputError
from models.fitting import Clauses, out_of_fold

RISK = 0.05  # that a threshold does not hold its precision
FEW = 200  # clauses to calibrate by
STEPS = 20  # thresholds tried for a label
PRECISIONS = tuple(round(0.50 + 0.01 * step, 2) for step in range(50))

Decisions = NDArray[np.float64]


def temperature(decisions: Decisions, labels: NDArray[Any]) -> float:
    """The number that log-odds are divided by so that their softmax fits best: above 1 for a model too sure of itself.

    `decisions` are out-of-fold log-odds, n × labels in sorted order; the fit is by log loss (Guo et al. 2017).

    >>> sure, labels = np.array([[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 0.0]]), np.array(["a", "a", "b", "b"])
    >>> temperature(sure, labels) > 1
    True
    """
    rows = np.arange(len(labels)), np.searchsorted(np.unique(labels), labels)

    def loss(log_temperature: float) -> float:
        return -float(np.maximum(log_softmax(decisions / np.exp(log_temperature), axis=1)[rows], -50).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def fold_in(pipeline: Pipeline, divisor: float) -> None:
    """Divide the log-odds of a fitted pipeline, so that `predict_proba` is calibrated wherever it is loaded."""
    pipeline[-1].coef_ = pipeline[-1].coef_ / divisor
    pipeline[-1].intercept_ = pipeline[-1].intercept_ / divisor


def probabilities(decisions: Decisions, divisor: float = 1.0) -> Decisions:
    """Calibrated probabilities of log-odds: n × labels."""
    return np.asarray(softmax(decisions / divisor, axis=1))


def thresholds(probability: Decisions, labels: NDArray[Any]) -> dict[str, dict[str, float | None]]:
    """For each precision and label the confidence from which a clause so coded is right that often; None: never.

    Of twenty thresholds, each letting another twentieth of the clauses so coded through, the lowest is taken whose
    precision has a lower bound (Clopper & Pearson 1934, at 95 % for all twenty together by Bonferroni) above the one
    promised: Learn then Test (Angelopoulos et al. 2021). The promise is for clauses like those of `labels`.
    """
    coded, confidence = probability.argmax(axis=1), probability.max(axis=1)
    found: dict[str, dict[str, float | None]] = {f"{precision:.2f}": {} for precision in PRECISIONS}
    for index, name in enumerate(np.unique(labels)):
        mine = coded == index
        order = np.argsort(-confidence[mine], kind="stable")
        sure, right = confidence[mine][order], np.cumsum((labels[mine] == name)[order])
        counts = np.unique(np.linspace(0, len(sure), STEPS + 1).astype(int)[1:])
        hits = right[counts - 1] if len(sure) else counts[:0]
        bounds = np.where(hits > 0, beta.ppf(RISK / STEPS, np.maximum(hits, 1), counts - hits + 1), 0.0)
        for precision in PRECISIONS:
            holding = counts[bounds >= precision]
            found[f"{precision:.2f}"][str(name)] = rounded_up(sure[holding[-1] - 1]) if len(holding) else None
    return found


def rounded_up(confidence: float) -> float:
    """Four decimals, never below what they stand for."""
    return float(np.ceil(confidence * 1e4) / 1e4)


def calibrate(pipeline: Pipeline, clauses: Clauses, jobs: int = -1) -> dict[str, Any]:
    """Calibrate a pipeline fitted on `clauses`; returns what its card says of it: `temperature, thresholds, confusion`.

    The confusion counts clauses by their label (rows) and the label given out of fold, both in sorted order. An empty
    dict where out-of-fold predictions would say little: under FEW clauses, or a label in one document only.
    """
    if len(clauses.labels) < FEW or not enough_documents(clauses):
        return {}
    decisions, names = out_of_fold(clauses, jobs=jobs), np.unique(clauses.labels)
    divisor = temperature(decisions, clauses.labels)
    fold_in(pipeline, divisor)
    return {
        "temperature": round(divisor, 4),
        "thresholds": thresholds(probabilities(decisions, divisor), clauses.labels),
        "confusion": confusion_matrix(clauses.labels, names[decisions.argmax(axis=1)], labels=names).tolist(),
    }


def enough_documents(clauses: Clauses) -> bool:
    """Whether every label stands in two documents or more."""
    pairs = {(label, group) for label, group in zip(clauses.labels, clauses.groups, strict=True)}
    return all(sum(each == label for each, _ in pairs) > 1 for label in set(clauses.labels))


def threshold_for(card: dict[str, Any], precision: float) -> dict[str, float | None]:
    """The thresholds of a model's card for a precision; InputError where the card promises none so high."""
    table = card.get("thresholds")
    if not table:
        raise InputError(
            "the model's card has no thresholds: it was trained on too few documents for them, or before there were any"
        )
    promised = [name for name in sorted(table) if float(name) >= precision]
    if not promised:
        raise InputError(f"no precision of {precision:g} can be promised: the card's thresholds end at {max(table)}")
    return dict(table[promised[0]])

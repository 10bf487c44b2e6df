"""Scores of codes against gold codes, with intervals from a bootstrap over documents. Pure functions to named dicts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rows import NO_POSITION
from models.shares import few_documents

DRAWS = 2000
CONFIDENCE = 0.95
BINS = 15
CHANCES = 400


def confusions(gold: list[str], predicted: list[str], documents: list[str], labels: list[str]) -> NDArray[np.int64]:
    """One confusion matrix a document: documents × gold label × predicted label.

    >>> confusions(["oppose", "none"], ["oppose", "oppose"], ["a", "a"], ["none", "oppose"]).tolist()
    [[[0, 1], [0, 1]]]
    """
    number = {name: index for index, name in enumerate(dict.fromkeys(documents))}
    place = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((len(number), len(labels), len(labels)), dtype=np.int64)
    rows = [number[name] for name in documents]
    np.add.at(counts, (rows, [place[label] for label in gold], [place[label] for label in predicted]), 1)
    return counts


def per_label(confusion: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Precision, recall, F1 and support of every label, from confusion matrices in the last two axes.

    A label without gold rows has no recall and no F1: NaN, never 0. Precision without predictions counts as 0.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).astype(float)
    support, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(predicted > 0, hits / predicted, np.where(support > 0, 0.0, np.nan))
        recall = hits / support
        f1 = np.where(support > 0, 2 * hits / (support + predicted), np.nan)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


def overall(confusion: NDArray[Any], labels: list[str]) -> dict[str, NDArray[np.float64]]:
    """Macro-F1 over all labels and over the positions (without `none`), accuracy and Matthews' correlation.

    From confusion matrices in the last two axes. A mean leaves out labels that have no gold rows. Without a label
    `none` the two macro-F1 are the same. The correlation is that of several classes (Gorodkin 2004), NaN where gold or
    codes are all of one label.
    """
    f1 = per_label(confusion)["f1"]
    positions = [index for index, label in enumerate(labels) if label != NO_POSITION]
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).sum(axis=-1)
    total, gold, coded = confusion.sum(axis=(-2, -1)).astype(float), confusion.sum(axis=-1), confusion.sum(axis=-2)
    spread = (total**2 - (gold.astype(float) ** 2).sum(axis=-1)) * (total**2 - (coded.astype(float) ** 2).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        mcc = (hits * total - (gold * coded).sum(axis=-1)) / np.sqrt(spread)
    return {
        "macro_f1": _mean(f1),
        "macro_f1_positions": _mean(f1[..., positions]),
        "accuracy": hits / total,
        "mcc": np.asarray(mcc),
    }


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / known.sum(axis=-1))


def bootstrap(counts: NDArray[np.int64], draws: int = DRAWS, seed: int = 0) -> NDArray[np.int64]:
    """Confusion matrices of `draws` samples of documents, drawn with replacement: draws × label × label.

    Clauses of one document resemble each other, so the document is what is resampled (cluster bootstrap: Davison &
    Hinkley 1997, section 3.8).
    """
    size = len(counts)
    weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=draws)
    return np.asarray(np.tensordot(weights, counts, axes=1))


def interval(samples: NDArray[np.float64], documents: int) -> list[float] | None:
    """The 95 % percentile interval of samples of so many documents; None when fewer than half of them have a value.

    Few documents vary too little when they are drawn again; the distance from the median is therefore stretched by
    `few_documents`.
    """
    known = samples[~np.isnan(samples)]
    if len(known) < len(samples) / 2 or documents < 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, middle, high = np.quantile(known, [tail, 0.5, 1 - tail])
    least = 0.0 if known.min() >= 0 else -1.0
    bounds = middle + (np.array([low, high]) - middle) * few_documents(documents)
    return [float(bound) for bound in np.clip(bounds, least, max(1.0, high))]


def evaluate(
    gold: list[str], predicted: list[str], documents: list[str], labels: list[str], seed: int = 0
) -> dict[str, Any]:
    """All scores with their intervals; a score without a value is None, an interval of one document too.

    >>> scores = evaluate(["oppose", "none"], ["oppose", "oppose"], ["a", "b"], ["none", "oppose"])
    >>> scores["accuracy"]["value"], round(scores["macro_f1"]["value"], 3)
    (0.5, 0.333)
    """
    counts = confusions(gold, predicted, documents, labels)
    samples = bootstrap(counts, seed=seed)
    total = counts.sum(axis=0)

    def with_interval(value: Any, sampled: NDArray[np.float64]) -> dict[str, Any]:
        known = not np.isnan(value)
        return {
            "value": float(value) if known else None,
            "interval": interval(sampled, len(counts)) if known else None,
        }

    whole, drawn = overall(total, labels), overall(samples, labels)
    each, each_drawn = per_label(total), per_label(samples)
    return {
        **{name: with_interval(whole[name], drawn[name]) for name in whole},
        "per_label": {
            label: {
                **{
                    name: with_interval(each[name][index], each_drawn[name][:, index])
                    for name in ("precision", "recall", "f1")
                },
                "support": int(each["support"][index]),
            }
            for index, label in enumerate(labels)
        },
        "confusion": total.tolist(),
        "clauses": len(gold),
        "documents": len(counts),
    }


def average_precision(
    probabilities: NDArray[np.float64], gold: list[str], documents: list[str], labels: list[str], seed: int = 0
) -> dict[str, Any]:
    """Average precision of every label against all others, and their mean, with intervals over documents.

    The mean of the precision at each clause of the label, clauses in falling order of its probability (Manning et al.
    2008, section 8.4); of a sample of documents, clauses count as often as their document was drawn.

    >>> ranked = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])
    >>> scores = average_precision(ranked, ["a", "b", "a", "b"], list("wxyz"), ["a", "b"])
    >>> round(scores["per_label"]["a"]["value"], 4)  # (1/1 + 2/3) / 2
    0.8333
    """
    names, group = np.unique(documents, return_inverse=True)
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    weights = np.concatenate([np.ones((1, len(names)), dtype=int), weights])
    columns = []
    for index, label in enumerate(labels):
        order = np.argsort(-probabilities[:, index], kind="stable")
        right = (np.array(gold) == label)[order]
        values = np.empty(len(weights))
        for start in range(0, len(weights), 100):  # a hundred samples at a time hold the memory down
            each = weights[start : start + 100][:, group[order]].astype(float)
            hits = np.cumsum(each * right, axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                precision = np.nan_to_num(hits / np.cumsum(each, axis=1))
                values[start : start + 100] = (precision * each * right).sum(axis=1) / hits[:, -1]
        columns.append(values)
    table = np.stack(columns, axis=1)

    def shown(values: NDArray[np.float64]) -> dict[str, Any]:
        known = not np.isnan(values[0])
        return {
            "value": float(values[0]) if known else None,
            "interval": interval(values[1:], len(names)) if known else None,
        }

    return {
        "macro": shown(_mean(table)),
        "per_label": {label: shown(table[:, index]) for index, label in enumerate(labels)},
    }


def calibration(
    probabilities: NDArray[np.float64], gold: list[str], documents: list[str], labels: list[str], seed: int = 0
) -> dict[str, Any]:
    """Whether confidence means what it says: expected calibration error and Brier score with intervals, and the bins.

    `probabilities` are n × labels. The error is the mean distance of confidence and accuracy over fifteen bins of equal
    mass (Naeini et al. 2015; equal mass: Nixon et al. 2019), with the interval of the basic bootstrap; `by_chance` is
    what a calibrated model shows in 19 of 20 samples of this size. The Brier score is the squared distance of
    probabilities and gold, summed over labels (Brier 1950). Gold that is not among `labels` counts as wrong.

    >>> sure = np.array([[1.0, 0.0]] * 4)
    >>> calibration(sure, list("aabb"), list("wxyz"), ["a", "b"])["ece"]["value"]
    0.5
    """
    confidence = probabilities.max(axis=1)
    right = np.array(labels)[probabilities.argmax(axis=1)] == np.array(gold)
    order = np.argsort(confidence, kind="stable")
    count = min(BINS, len(gold))
    place = np.empty(len(gold), dtype=int)
    place[order] = np.arange(len(gold)) * count // len(gold)
    truth = np.array(gold)[:, None] == np.array(labels)[None, :]
    distance = ((probabilities - truth) ** 2).sum(axis=1)

    names, group = np.unique(documents, return_inverse=True)
    sums = np.zeros((len(names), count, 3))  # clauses, confidence, right
    np.add.at(sums, (group, place), np.stack([np.ones(len(gold)), confidence, right], axis=1))
    squares = np.stack([np.bincount(group, distance), np.bincount(group)], axis=1)
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)

    def error(bins: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1) / bins[..., 0].sum(axis=-1))

    whole, drawn = sums.sum(axis=0), np.tensordot(weights, sums, axes=1)
    drawn_squares = weights @ squares
    many = len(names) > 1
    value = float(error(whole))
    # Noise only adds to an absolute distance, in a sample of the sample once more: the percentiles are reflected.
    low, high = interval(error(drawn), len(names)) or (value, value)
    reflected = [max(0.0, 2 * value - high), max(0.0, 2 * value - low)]
    return {
        "ece": {
            "value": value,
            "interval": reflected if many else None,
            "by_chance": _by_chance(confidence, place, seed),
        },
        "brier": {
            "value": float(distance.mean()),
            "interval": interval(drawn_squares[:, 0] / drawn_squares[:, 1], len(names)),
        },
        "bins": [
            {"clauses": int(clauses), "confidence": float(sure / clauses), "accuracy": float(hits / clauses)}
            for clauses, sure, hits in whole
        ],
    }


def _by_chance(confidence: NDArray[np.float64], place: NDArray[np.int64], seed: int) -> float:
    """The calibration error that a calibrated model shows in 19 of 20 samples (consistency: Bröcker & Smith 2007)."""
    generator = np.random.default_rng(seed)
    errors = []
    for _ in range(CHANCES):
        surplus = np.bincount(place, (generator.random(len(confidence)) < confidence) - confidence)
        errors.append(np.abs(surplus).sum() / len(confidence))
    return float(np.quantile(errors, CONFIDENCE))


def risk_coverage(probabilities: NDArray[np.float64], gold: list[str], labels: list[str]) -> dict[str, Any]:
    """Accuracy on the most confident share of the clauses, for every twentieth, and the area under the risk curve.

    Risk is the share coded wrongly; the area is its mean over all coverages (AURC: Geifman & El-Yaniv 2017).

    >>> curve = risk_coverage(np.array([[0.9, 0.1], [0.6, 0.4]]), ["a", "b"], ["a", "b"])
    >>> curve["points"][-1], curve["area"]
    ({'coverage': 1.0, 'accuracy': 0.5}, 0.25)
    """
    confidence = probabilities.max(axis=1)
    wrong = np.array(labels)[probabilities.argmax(axis=1)] != np.array(gold)
    risk = np.cumsum(wrong[np.argsort(-confidence, kind="stable")]) / np.arange(1, len(gold) + 1)
    counts = np.unique(np.ceil(np.linspace(0, 1, 21)[1:] * len(gold)).astype(int))
    points = [{"coverage": float(n / len(gold)), "accuracy": float(1 - risk[n - 1])} for n in counts]
    return {"points": points, "area": float(risk.mean())}

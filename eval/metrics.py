"""Scores of codes against gold codes, with intervals from a bootstrap over documents. Pure functions to named dicts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rows import NO_POSITION

DRAWS = 2000
CONFIDENCE = 0.95


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
    """Accuracy and macro-F1, over all labels and over the positions (without `none`), from the last two axes.

    A mean leaves out labels that have no gold rows. Without a label `none` the two macro-F1 are the same.
    """
    f1 = per_label(confusion)["f1"]
    positions = [index for index, label in enumerate(labels) if label != NO_POSITION]
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).sum(axis=-1)
    return {
        "macro_f1": _mean(f1),
        "macro_f1_positions": _mean(f1[..., positions]),
        "accuracy": hits / confusion.sum(axis=(-2, -1)),
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


def interval(samples: NDArray[np.float64]) -> list[float] | None:
    """The 95 % percentile interval; None when fewer than half of the samples have a value."""
    known = samples[~np.isnan(samples)]
    if len(known) < len(samples) / 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    return [float(bound) for bound in np.quantile(known, [tail, 1 - tail])]


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
            "interval": interval(sampled) if known and len(counts) > 1 else None,
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

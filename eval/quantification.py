"""Shares of the codes: what gold has, what counting and correcting find, and how far both are off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.shares import Share, adjusted, can_correct, corrected, counted, simulate


def quantification(
    coded: list[str], gold: list[str], documents: list[str], labels: list[str], confusion: list[list[int]] | None
) -> dict[str, Any] | None:
    """Shares of the labels in all clauses with intervals, and the mean absolute error of a share.

    `error_in_simulation` is over mixtures of every kind (`models.shares.simulate`), `error_by_document` over the
    documents as they are. `labels` and `confusion` are those of the model in sorted order. None where the model's
    confusions are unknown or cannot be undone.
    """
    if not confusion or len(confusion) != len(labels) or not can_correct(known := np.array(confusion)):
        return None
    place = {label: index for index, label in enumerate(labels)}
    numbers = {name: np.array([place[code] for code in codes]) for name, codes in (("gold", gold), ("coded", coded))}
    names, group = np.unique(documents, return_inverse=True)
    tables = {name: np.zeros((len(names), len(labels)), dtype=np.int64) for name in numbers}
    for name, table in tables.items():
        np.add.at(table, (group, numbers[name]), 1)
    found = {
        "gold": counted(tables["gold"]),
        "counted": counted(tables["coded"]),
        "corrected": corrected(tables["coded"], known),
    }
    truth, by_document = (table / table.sum(axis=1, keepdims=True) for table in tables.values())
    return {
        "shares": {name: dict(zip(labels, map(_score, each), strict=True)) for name, each in found.items()},
        "error_in_simulation": simulate(numbers["coded"], numbers["gold"], known),
        "error_by_document": {
            "counted": _distance(by_document, truth),
            "corrected": _distance(adjusted(by_document, known), truth),
        },
    }


def _score(share: Share) -> dict[str, Any]:
    return {"value": share.value, "interval": [share.low, share.high]}


def _distance(found: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.abs(found - truth).mean())

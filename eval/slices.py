"""Where a model is weak: its scores on parts of the clauses."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from data.rows import NO_POSITION
from eval.baselines import cue_lexicon, negated
from eval.metrics import evaluate

FEWEST = 50  # clauses, below which a slice says nothing
LENGTHS = (8, 16, 26, 41)
CONFIDENCES = (0.5, 0.7, 0.9)
FIFTHS = ("first fifth", "second fifth", "third fifth", "fourth fifth", "last fifth")


def slices(
    clauses: Dataset, coded: list[str], confidence: NDArray[np.float64], labels: list[str]
) -> list[dict[str, Any]]:
    """Scores on every part of at least fifty clauses of two documents or more, the weakest in macro-F1 first.

    Parts are made by register, topic, decade, length, confidence, place in the document, and whether a clause has a cue
    of the lexicon, a negation or quotation marks. Each has `field, value, clauses, documents, macro_f1, accuracy`.
    """
    parts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for field, values in _fields(clauses, confidence):
        for index, value in enumerate(values):
            if value is not None:
                parts[field, value].append(index)
    gold, documents = clauses["label"][:], clauses["document"][:]
    found = []
    for (field, value), rows in parts.items():
        if len(rows) < FEWEST or len(rows) == len(gold) or len({documents[row] for row in rows}) < 2:
            continue
        part = [[each[row] for row in rows] for each in (gold, coded, documents)]
        scores = evaluate(part[0], part[1], part[2], labels)
        names = ("clauses", "documents", "macro_f1", "accuracy")
        found.append({"field": field, "value": value} | {name: scores[name] for name in names})
    return sorted(found, key=lambda each: (each["macro_f1"]["value"], each["field"], each["value"]))


def _fields(clauses: Dataset, confidence: NDArray[np.float64]) -> Iterator[tuple[str, list[str | None]]]:
    texts = clauses["text"][:]
    for field in ("register", "topic"):
        yield field, clauses[field][:]
    yield "decade", [f"{date[:3]}0s" if date else None for date in clauses["date"]]
    yield "words", [_bin(len(text.split()), LENGTHS, str) for text in texts]
    yield "confidence", [_bin(float(value), CONFIDENCES, "{:.0%}".format) for value in confidence]
    yield "place in the document", _places(clauses)
    yield "cue", ["with a cue" if code != NO_POSITION else "without a cue" for code in cue_lexicon(texts)]
    yield "negation", ["negated" if negated(text) else "not negated" for text in texts]
    yield "quotation", ["with quotation marks" if re.search(r"[\"“”«»]", text) else "without" for text in texts]


def _bin(value: float, bounds: tuple[float, ...], shown: Callable[[Any], str]) -> str:
    """The bin of a value.

    >>> _bin(9, LENGTHS, str), _bin(3, LENGTHS, str), _bin(99, LENGTHS, str)
    ('8 to below 16', 'below 8', '41 and above')
    """
    if value < bounds[0]:
        return f"below {shown(bounds[0])}"
    for low, high in pairwise(bounds):
        if value < high:
            return f"{shown(low)} to below {shown(high)}"
    return f"{shown(bounds[-1])} and above"


def _places(clauses: Dataset) -> list[str | None]:
    """The fifth of its document that a clause stands in; None in documents of fewer than five."""
    longest: dict[str, int] = defaultdict(int)
    for document, position in zip(clauses["document"], clauses["position"], strict=True):
        longest[document] = max(longest[document], position)
    return [
        FIFTHS[min(4, (position - 1) * 5 // longest[document])] if longest[document] >= 5 else None
        for document, position in zip(clauses["document"], clauses["position"], strict=True)
    ]

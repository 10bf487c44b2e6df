"""Which n-grams decide: the additive parts of a linear model's log-odds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline


class Contribution(NamedTuple):
    """What one n-gram of a clause adds to the score of a label."""

    term: str
    value: float


def contributions(pipeline: Pipeline, text: str, label: str, against: str | None = None) -> list[Contribution]:
    """What each n-gram of `text` adds to the decision value of `label`, largest first; or to its lead over `against`.

    Their sum plus the intercept of the label is `pipeline.decision_function([text])` for that label; with two labels
    the values speak for `classes_[1]` and are turned round for the other one.

    >>> from models.classifier import stance_classifier
    >>> model = stance_classifier().fit(["We oppose it.", "We oppose it.", "We like it.", "We like it."], [1, 1, 0, 0])
    >>> contributions(model, "They oppose it.", 1)[0].term
    'oppose'
    """
    row = pipeline[:-1].transform([text]).tocsr()
    terms = pipeline[:-1].get_feature_names_out()
    weights = _weights(pipeline, label)
    if against is not None:
        weights = weights - _weights(pipeline, against)
    values = row.data * weights[row.indices]
    order = np.argsort(-values, kind="stable")
    return [Contribution(_readable(terms[row.indices[i]]), float(values[i])) for i in order]


def top_terms(pipeline: Pipeline, label: str, count: int) -> list[Contribution]:
    """The n-grams with the largest weights for `label`, largest first."""
    terms, weights = pipeline[:-1].get_feature_names_out(), _weights(pipeline, label)
    return [Contribution(_readable(terms[i]), float(weights[i])) for i in np.argsort(-weights, kind="stable")[:count]]


def _weights(pipeline: Pipeline, label: str) -> NDArray[np.float64]:
    regression = pipeline[-1]
    weights: NDArray[np.float64] = regression.coef_
    index = list(regression.classes_).index(label)
    if len(weights) == 1:
        return np.asarray(weights[0] if index == 1 else -weights[0])
    return np.asarray(weights[index])


def _readable(name: str) -> str:
    """`words__call for` → `call for`; `characters__ oppo` → `‹ oppo›`, so that spaces at its ends are seen."""
    kind, _, term = name.partition("__")
    return term if kind == "words" else f"‹{term}›"

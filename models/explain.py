"""Which n-grams decide: the additive parts of a linear model's log-odds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline


class Contribution(NamedTuple):
    """What one n-gram of a clause adds to the score of a label."""

    term: str
    value: float


class Explainer:
    """Explains the decisions of a fitted pipeline; its names of terms are read once.

    >>> from models.classifier import stance_classifier
    >>> model = stance_classifier().fit(["I oppose it.", "I oppose it.", "I like it.", "I like it."], [1, 1, 0, 0])
    >>> Explainer(model).contributions("They oppose it.", 1)[0].term
    'oppose-'
    """

    def __init__(self, pipeline: Pipeline):
        self.pipeline = pipeline
        self.terms = pipeline[:-1].get_feature_names_out()

    def contributions(self, text: str, label: str, against: str | None = None) -> list[Contribution]:
        """What each n-gram of `text` adds to the decision value of `label`, largest first; or to its lead over another.

        Their sum plus the intercept of the label is `pipeline.decision_function([text])` for that label; with two
        labels the values speak for `classes_[1]` and are turned round for the other one.
        """
        row = self.pipeline[:-1].transform([text]).tocsr()
        weights = self._weights(label)
        if against is not None:
            weights = weights - self._weights(against)
        values = row.data * weights[row.indices]
        order = np.argsort(-values, kind="stable")
        return [Contribution(_readable(self.terms[row.indices[i]]), float(values[i])) for i in order]

    def top_terms(self, label: str, count: int) -> list[Contribution]:
        """The n-grams with the largest weights for `label`, largest first."""
        weights = self._weights(label)
        order = np.argsort(-weights, kind="stable")[:count]
        return [Contribution(_readable(self.terms[i]), float(weights[i])) for i in order]

    def _weights(self, label: str) -> NDArray[np.float64]:
        regression = self.pipeline[-1]
        weights: NDArray[np.float64] = regression.coef_
        index = list(regression.classes_).index(label)
        if len(weights) == 1:
            return np.asarray(weights[0] if index == 1 else -weights[0])
        return np.asarray(weights[index])


def _readable(name: str) -> str:
    """`words__call for` → `call for`; stems get a hyphen, pieces of words ‹ ›, so that spaces at their ends are seen.

    >>> _readable("stems__condem the"), _readable("characters__ oppo")
    ('condem- the-', '‹ oppo›')
    """
    kind, _, term = name.partition("__")
    if kind == "stems":
        return " ".join(f"{stem}-" for stem in term.split(" "))
    return f"‹{term}›" if kind == "characters" else term

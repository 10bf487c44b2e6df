"""Which n-grams decide: the additive parts of a linear model's log-odds."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
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
    >>> [phrase.term for phrase in Explainer(model).phrases("They openly OPPOSE it.", 1)][:2]
    ['OPPOSE', 'OPPOSE it']
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

    def phrases(self, text: str, label: str, against: str | None = None) -> list[Contribution]:
        """The contributions in the words of the text: what its n-grams of words and stems add up to, phrase by phrase.

        A phrase is the stretch of the text that an n-gram stands for, at its first place; n-grams of one stretch (a
        word and its stem) are one phrase. The sum is that of `contributions`. Character n-grams stay as they are.
        """
        matrix = self.pipeline[:-1].transform([text]).tocsr()
        weights = self._weights(label) - (0 if against is None else self._weights(against))
        values = dict(zip(matrix.indices.tolist(), (matrix.data * weights[matrix.indices]).tolist(), strict=True))
        sums: dict[str, float] = {}
        surfaces: dict[str, str] = {}
        offset = 0
        for name, vectoriser in self.pipeline[0].transformer_list:
            places = _places(text, vectoriser)
            for column in sorted(index for index in values if offset <= index < offset + len(vectoriser.vocabulary_)):
                term = self.terms[column].removeprefix(f"{name}__")
                surface = places.get(term, f"‹{term}›")
                key = surface.casefold()
                surfaces.setdefault(key, surface)
                sums[key] = sums.get(key, 0.0) + values[column]
            offset += len(vectoriser.vocabulary_)
        found = [Contribution(surfaces[key], value) for key, value in sums.items()]
        return sorted(found, key=lambda each: (-each.value, each.term))

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


def _places(text: str, vectoriser: TfidfVectorizer) -> dict[str, str]:
    """For each n-gram of words or stems in a text, the stretch of the text that it stands for first."""
    lowered = text.lower()
    if vectoriser.analyzer != "word" or len(lowered) != len(text):  # some capitals have two small letters
        return {}
    tokens = [(match.group(1) or "", *match.span()) for match in re.finditer(vectoriser.token_pattern, lowered)]
    tokens = [token for token in tokens if token[0] not in (vectoriser.stop_words or ())]
    places: dict[str, str] = {}
    shortest, longest = vectoriser.ngram_range
    for size in range(shortest, longest + 1):
        for first in range(len(tokens) - size + 1):
            window = tokens[first : first + size]
            stretch = " ".join(text[window[0][1] : window[-1][2]].split())
            places.setdefault(" ".join(token for token, _, _ in window), stretch)
    return places


def _readable(name: str) -> str:
    """`words__call for` → `call for`; stems get a hyphen, pieces of words ‹ ›, so that spaces at their ends are seen.

    >>> _readable("stems__condem the"), _readable("characters__ oppo")
    ('condem- the-', '‹ oppo›')
    """
    kind, _, term = name.partition("__")
    if kind == "stems":
        return " ".join(f"{stem}-" for stem in term.split(" "))
    return f"‹{term}›" if kind == "characters" else term

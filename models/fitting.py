"""How the classifier is fitted: n-grams counted once, weighed and regressed for every part of the clauses.

Cross-validation and the final fit share the counting. Document frequencies, norms and terms are those of the training
part alone. Without term weights, resamples and soft labels – which a plain pipeline has no place for – what comes out
is what `stance_classifier(settings)` fitted on the same clauses would be.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from data.errors import InputError
from models.classifier import SEED, Settings, stance_classifier
from models.counting import count

FOLDS = 5

Rows = NDArray[np.int64]
Labels = NDArray[np.str_]


class Clauses:
    """Texts with their labels and the groups (documents) that must not be parted, n-grams counted.

    `coders` holds the independent codes of each clause, where known; only `soft_labels` uses them.
    """

    def __init__(
        self,
        settings: Settings,
        texts: Sequence[str],
        labels: Sequence[str],
        groups: Sequence[Any],
        coders: Sequence[Sequence[str] | None] | None = None,
    ):
        self.settings = settings
        self.labels: Labels = np.array(labels)
        self.groups = np.unique(np.array(groups), return_inverse=True)[1]
        self.coders = coders
        self.pipeline = stance_classifier(settings)
        # The counting half of each vectoriser, which keeps its vocabulary.
        try:
            self.counts = count([each for _, each in self.pipeline[0].transformer_list], texts)
        except ValueError:
            raise InputError("cannot learn from these clauses: too few n-grams stand in two of them") from None


@dataclass
class Fitted:
    """The parts of a fitted model: for each kind of n-gram the columns that count and their weights."""

    columns: list[Rows]
    weights: list[TfidfTransformer]
    regression: LogisticRegression

    def matrix(self, clauses: Clauses, rows: Rows) -> sparse.csr_matrix:
        """The features of some clauses: rows × terms."""
        parts = zip(clauses.counts, self.columns, self.weights, strict=True)
        return sparse.hstack([weights.transform(counts[rows][:, kept]) for counts, kept, weights in parts]).tocsr()

    def decisions(self, clauses: Clauses, rows: Rows) -> NDArray[np.float64]:
        """The log-odds, up to a constant a row, of every label: rows × labels."""
        return np.asarray(decision_matrix(self.regression.decision_function(self.matrix(clauses, rows))))


def decision_matrix(decisions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two columns for the one that scikit-learn gives of two labels."""
    return np.stack([np.zeros_like(decisions), decisions], axis=1) if decisions.ndim == 1 else decisions


def fit(clauses: Clauses, rows: Rows | None = None) -> Fitted:
    """Fit on some of the clauses, or all.

    One BLAS thread: more are slower on matrices this thin, and their sums depend on the machine. Raises InputError
    when the solver does not converge or no n-gram is left.
    """
    rows = np.arange(len(clauses.labels)) if rows is None else rows
    fitted = weigh(clauses, rows)
    matrix = fitted.matrix(clauses, rows)
    draws = _resampled_documents(clauses, rows)
    coefficients, intercepts = [], []
    for weights in draws:
        chosen, labels, shares = _targets(clauses, rows, weights)
        _regress(fitted.regression, matrix[chosen], labels, shares)
        coefficients.append(fitted.regression.coef_)
        intercepts.append(fitted.regression.intercept_)
    if len(draws) > 1:
        fitted.regression.coef_ = np.mean(coefficients, axis=0)
        fitted.regression.intercept_ = np.mean(intercepts, axis=0)
    return fitted


def weigh(clauses: Clauses, rows: Rows) -> Fitted:
    """The first half of a fit on some of the clauses: which n-grams count, and how much; nothing is regressed yet."""
    fitted = Fitted([], [], clone(clauses.pipeline[-1]))
    labels = clauses.labels[rows]
    for counts, (_, vectoriser) in zip(clauses.counts, clauses.pipeline[0].transformer_list, strict=True):
        part = counts[rows]
        kept = np.flatnonzero(part.getnnz(axis=0) >= vectoriser.min_df)
        part = part[:, kept]
        weights = TfidfTransformer(
            norm=vectoriser.norm, use_idf=vectoriser.use_idf, sublinear_tf=vectoriser.sublinear_tf
        ).fit(part)
        if clauses.settings.weighting and vectoriser.use_idf:
            weights.idf_ = weights.idf_ * term_weights(part, labels) ** clauses.settings.weighting
        fitted.columns.append(kept)
        fitted.weights.append(weights)
    if not all(map(len, fitted.columns)):
        raise InputError("cannot learn from these clauses: too few n-grams stand in two of them")
    return fitted


def fitted_pipeline(clauses: Clauses, fitted: Fitted) -> Pipeline:
    """The stock pipeline of a fit on all the clauses, its term weights folded into the document frequencies."""
    for (_, vectoriser), weights in zip(clauses.pipeline[0].transformer_list, fitted.weights, strict=True):
        vectoriser._tfidf = weights
    return Pipeline([("features", clauses.pipeline[0]), ("classifier", fitted.regression)])


def term_weights(counts: sparse.csr_matrix, labels: Labels) -> NDArray[np.float64]:
    """How well each term tells the labels apart: the largest absolute log-odds ratio of its presence, per term.

    Ratios are smoothed by one clause on either side, as in the log-count ratios of Wang & Manning (2012); of several
    labels, each is set against all the others. The mean over terms is scaled to 1, and a
    thousandth is added so that no term is lost.
    """
    presence = (counts > 0).astype(float)
    ratios = []
    for label in np.unique(labels):
        inside = labels == label
        shares = [(np.asarray(presence[part].sum(axis=0)).ravel() + 1) / (part.sum() + 2) for part in (inside, ~inside)]
        ratios.append(np.abs(np.log(shares[0] / (1 - shares[0])) - np.log(shares[1] / (1 - shares[1]))))
    strongest = np.max(ratios, axis=0)
    mean = strongest.mean()
    return np.asarray(strongest / mean + 1e-3) if mean > 0 else np.ones_like(strongest)


def out_of_fold(
    clauses: Clauses,
    folds: int = FOLDS,
    seed: int = SEED,
    jobs: int = -1,
    *,
    rows: Rows | None = None,
    grouped: bool = True,
) -> NDArray[np.float64]:
    """Log-odds (up to a constant a row) for every clause by a model that has not seen its group: n × labels.

    Of some `rows` only, where these are given. Without `grouped` the folds part groups, which flatters the model.
    Columns in the order of the sorted labels; rows of labels that a fold's training part lacks hold -inf there. Raises
    InputError when there are fewer groups than two.
    """
    rows = np.arange(len(clauses.labels)) if rows is None else rows
    labels = clauses.labels[rows]
    splits = grouped_folds(labels, clauses.groups[rows], folds, seed) if grouped else _folds(labels, folds, seed)
    parts = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(_decide)(clauses, rows[train], rows[test]) for train, test in splits
    )
    names = np.unique(labels)
    decisions = np.full((len(labels), len(names)), -np.inf)
    for (_, test), (known, part) in zip(splits, parts, strict=True):
        decisions[np.ix_(test, np.searchsorted(names, known))] = part
    return decisions


def grouped_folds(labels: Labels, groups: NDArray[Any], folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Training and held-out rows of each fold; no group is in both, labels are spread evenly."""
    folds = min(folds, len(set(groups)))
    if folds < 2:
        raise InputError("all clauses stand in one document: cross-validation needs two or more")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a label rarer than the folds
        return list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups))


def _folds(labels: Labels, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels))


def _decide(clauses: Clauses, train: Rows, test: Rows) -> tuple[Labels, NDArray[np.float64]]:
    fitted = fit(clauses, train)
    return fitted.regression.classes_, fitted.decisions(clauses, test)


def _resampled_documents(clauses: Clauses, rows: Rows) -> list[NDArray[np.float64]]:
    """How often each row counts in each fit: once in one fit, or as its document was drawn, fit by fit."""
    if not clauses.settings.averaged:
        return [np.ones(len(rows))]
    names, group = np.unique(clauses.groups[rows], return_inverse=True)
    generator = np.random.default_rng(SEED)
    shares = np.full(len(names), 1 / len(names))
    draws: list[NDArray[np.float64]] = []
    for _ in range(100 * clauses.settings.averaged):
        weights = generator.multinomial(len(names), shares).astype(float)[group]
        if len(set(clauses.labels[rows][weights > 0])) == len(set(clauses.labels[rows])):
            draws.append(weights)
        if len(draws) == clauses.settings.averaged:
            return draws
    raise InputError("too few documents to average over resamples of them")


def _targets(clauses: Clauses, rows: Rows, weights: NDArray[np.float64]) -> tuple[Rows, Labels, NDArray[np.float64]]:
    """What the regression is fitted to: places among `rows`, a label for each, and its weight."""
    if not (clauses.settings.soft_labels and clauses.coders):
        chosen = np.flatnonzero(weights)
        return chosen, clauses.labels[rows][chosen], weights[chosen]
    known = set(clauses.labels.tolist())
    entries = [
        (place, code, weights[place] / len(codes))
        for place, row in enumerate(rows)
        for codes in [[code for code in clauses.coders[row] or () if code in known] or [str(clauses.labels[row])]]
        for code in codes
        if weights[place]
    ]
    places, codes, shares = zip(*entries, strict=True)
    return np.array(places), np.array(codes), np.array(shares)


def _regress(regression: LogisticRegression, matrix: Any, labels: Labels, weights: NDArray[np.float64]) -> None:
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            regression.fit(matrix, labels, None if (weights == 1).all() else weights)
    except ConvergenceWarning as warning:
        raise InputError(f"the solver did not converge ({str(warning).splitlines()[0]}): try a smaller --c") from None
    except ValueError as error:
        raise InputError(f"cannot learn from these clauses: {error}") from None

"""Shares of the codes in sets of documents, as counted and as corrected for the model's confusions, with intervals.

Counting codes is biased: where a code is rare, false alarms outnumber it. Adjusted classify-and-count undoes that
(Gart & Buck 1966; Forman 2008; for several codes Hopkins & King 2010): if a clause of code j is coded i with
probability C[i, j], counted shares are C times the true ones, so the true ones are what solves the equations. C comes
from out-of-fold predictions on the training documents and stands in the model's card. The correction supposes that
clauses of one code are confused alike wherever they come from.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, t

DRAWS = 2000
CONFIDENCE = 0.95
# How much the correction may enlarge an error of the counted shares (the condition number of C).
WORST_CONDITION = 3.0

Floats = NDArray[np.float64]


class Share(NamedTuple):
    """A share and its 95 % interval."""

    value: float
    low: float
    high: float


def counted(counts: NDArray[np.int64], seed: int = 0) -> list[Share]:
    """The share of each label in all clauses of some documents: counts, documents × labels → labels.

    The interval is Wilson's, as of one document (Wilson 1927); of several documents it reaches at least as far as that
    of a bootstrap over them, for clauses of one document resemble each other.

    >>> [share.value for share in counted(np.array([[2, 6]]))]
    [0.25, 0.75]
    """
    if not counts.sum():
        return [Share(np.nan, np.nan, np.nan)] * counts.shape[1]
    totals = counts.sum(axis=0)
    tests = [binomtest(int(count), int(totals.sum())).proportion_ci(CONFIDENCE, "wilson") for count in totals]
    bounds = [np.array(tests)] + ([_quantiles(_resampled(counts, seed))] if len(counts) > 1 else [])
    return _with_bounds(totals / totals.sum(), bounds)


def corrected(counts: NDArray[np.int64], confusion: NDArray[np.int64], seed: int = 0) -> list[Share]:
    """The shares of the labels that give such counts under the model's confusions: documents × labels → labels.

    `confusion` counts clauses, gold label × label given, out of fold. The interval knows that the confusions are of a
    sample, and that the clauses are (their counts drawn from the posterior under Jeffreys' prior); of several documents
    it reaches at least as far as that of a bootstrap over them. It does not know a text in which clauses of one code
    are confused otherwise.

    >>> half_missed = np.array([[50, 50], [0, 100]])
    >>> [round(share.value, 3) for share in corrected(np.array([[20, 80]]), half_missed)]
    [0.4, 0.6]
    """
    if not counts.sum():
        return [Share(np.nan, np.nan, np.nan)] * counts.shape[1]
    generator = np.random.default_rng(seed)
    totals = counts.sum(axis=0)
    samples = [generator.dirichlet(totals + 0.5, size=DRAWS)]
    if len(counts) > 1:
        samples.append(_resampled(counts, seed))
    rates = np.stack([generator.dirichlet(row + 0.5, size=DRAWS) for row in confusion], axis=2)
    bounds = [_quantiles(_solve(rates[: len(drawn)], drawn)) for drawn in samples]
    return _with_bounds(adjusted(_shares(totals), confusion), bounds)


def few_documents(documents: int) -> float:
    """By how much an interval of a bootstrap over few documents is too short.

    Student's t with one degree of freedom less than documents in place of the normal distribution, and the variance
    that documents drawn with replacement lack (Cameron & Miller 2015, section VI).

    >>> [round(few_documents(number), 2) for number in (3, 10, 100)]
    [2.69, 1.22, 1.02]
    """
    return float(t.ppf((1 + CONFIDENCE) / 2, documents - 1) / norm.ppf((1 + CONFIDENCE) / 2)) * float(
        np.sqrt(documents / (documents - 1))
    )


def adjusted(shares: Floats, confusion: NDArray[np.int64]) -> Floats:
    """The shares nearest to those that the counted ones follow from: … × labels → … × labels."""
    rates = confusion.T / confusion.sum(axis=1)
    return _solve(np.broadcast_to(rates, (*shares.shape, shares.shape[-1])), shares)


def can_correct(confusion: NDArray[np.int64]) -> bool:
    """Whether confusions can be undone: every label known, and told from the others well enough."""
    if not confusion.sum(axis=1).all():
        return False
    return bool(np.linalg.cond(confusion.T / confusion.sum(axis=1)) < WORST_CONDITION)


def simulate(
    coded: NDArray[np.int64],
    gold: NDArray[np.int64],
    confusion: NDArray[np.int64],
    samples: int = 200,
    size: int = 300,
    seed: int = 0,
) -> dict[str, float]:
    """How far counted and corrected shares are off, over samples of clauses with shares of every mixture.

    `coded` and `gold` are numbers of labels. Shares are drawn evenly from all mixtures of the labels that `gold` has
    (Dirichlet 1), clauses of each label with replacement; the error is the mean absolute distance of a share, averaged
    over labels and samples.
    """
    generator = np.random.default_rng(seed)
    places = {label: np.flatnonzero(gold == label) for label in np.unique(gold).tolist()}
    truth, found = (np.zeros((samples, len(confusion))) for _ in range(2))
    for sample in range(samples):
        drawn = generator.multinomial(size, generator.dirichlet(np.ones(len(places))))
        rows = np.concatenate([generator.choice(places[i], k) for i, k in zip(places, drawn, strict=True)])
        truth[sample, list(places)] = drawn / size
        found[sample] = np.bincount(coded[rows], minlength=len(confusion)) / size
    errors = np.abs(found - truth).mean(), np.abs(adjusted(found, confusion) - truth).mean()
    return {"counted": float(errors[0]), "corrected": float(errors[1])}


def _shares(counts: NDArray[np.int64]) -> Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _resampled(counts: NDArray[np.int64], seed: int) -> Floats:
    """Shares in samples of the documents, drawn with replacement, spread as few documents need it."""
    size = len(counts)
    weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=DRAWS)
    sums = weights @ counts
    drawn = _shares(sums[sums.sum(axis=1) > 0])
    middle = drawn.mean(axis=0)
    return np.asarray(_nearest_shares(middle + (drawn - middle) * few_documents(size)))


def _quantiles(drawn: Floats) -> Floats:
    return np.asarray(np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0).T)


def _with_bounds(values: Floats, bounds: list[Floats]) -> list[Share]:
    """Each value with the widest of the bounds."""
    low, high = np.min([each[:, 0] for each in bounds], axis=0), np.max([each[:, 1] for each in bounds], axis=0)
    return [Share(*map(float, each)) for each in zip(values, low, high, strict=True)]


def _solve(rates: Floats, shares: Floats) -> Floats:
    """Solve rates · x = shares and take the nearest x that is shares: none below 0, sum 1."""
    return _nearest_shares(np.asarray(np.linalg.solve(rates, shares[..., None])[..., 0], dtype=np.float64))


def _nearest_shares(values: Floats) -> Floats:
    """The nearest point of the simplex in the last dimension (Duchi et al. 2008).

    >>> _nearest_shares(np.array([1.2, -0.1, -0.1])).tolist()
    [1.0, 0.0, 0.0]
    """
    falling = -np.sort(-values, axis=-1)
    surplus = (np.cumsum(falling, axis=-1) - 1) / np.arange(1, values.shape[-1] + 1)
    last = (falling > surplus).sum(axis=-1, keepdims=True) - 1
    return np.asarray(np.maximum(values - np.take_along_axis(surplus, last, axis=-1), 0.0))

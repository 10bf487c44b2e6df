"""Shares of codes in a set of clauses, corrected for the model's confusions.

Counting predictions is biased: where a code is rare, false alarms outnumber it. Two ways to a share: `counted`, and
`corrected` by expectation maximisation over the calibrated probabilities (Saerens, Latinne & Decaestecker 2002), which
supposes that clauses of one code look alike wherever they come from (prior-probability shift).
"""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 1000
TOLERANCE = 1e-8


def counted(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of clauses that each label is given to: n × labels → labels.

    >>> counted(np.array([[0.6, 0.4], [0.7, 0.3]])).tolist()
    [1.0, 0.0]
    """
    labels = probabilities.shape[1]
    return np.bincount(probabilities.argmax(axis=1), minlength=labels) / len(probabilities)


def corrected(probabilities: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shares under which calibrated probabilities, learnt where labels had the shares `prior`, fit best.

    >>> even = np.array([0.5, 0.5])
    >>> unsure = np.array([[0.6, 0.4]] * 50 + [[0.4, 0.6]] * 50)
    >>> corrected(unsure, even).round(3).tolist()
    [0.5, 0.5]
    """
    shares = prior.copy()
    for _ in range(ROUNDS):
        weighted = probabilities * (shares / prior)
        weighted /= weighted.sum(axis=1, keepdims=True)
        before, shares = shares, weighted.mean(axis=0)
        if np.abs(shares - before).max() < TOLERANCE:
            break
    return np.asarray(shares)


def simulate(
    probabilities: NDArray[np.float64],
    gold: NDArray[np.str_],
    labels: list[str],
    prior: NDArray[np.float64],
    samples: int = 200,
    size: int = 300,
    seed: int = 0,
) -> dict[str, float]:
    """How far counted and corrected shares are off, over samples of clauses with shares of every mixture.

    Shares are drawn evenly from all mixtures of the labels that `gold` has (Dirichlet 1), clauses of each label with
    replacement; the error is the mean absolute distance of a share, averaged over labels and samples.
    """
    generator = np.random.default_rng(seed)
    places = {index: np.flatnonzero(gold == label) for index, label in enumerate(labels) if (gold == label).any()}
    errors = []
    for _ in range(samples):
        drawn = generator.multinomial(size, generator.dirichlet(np.ones(len(places))))
        rows = np.concatenate([generator.choice(places[i], k) for i, k in zip(places, drawn, strict=True)])
        truth = np.zeros(len(labels))
        truth[list(places)] = drawn / size
        found = counted(probabilities[rows]), corrected(probabilities[rows], prior)
        errors.append([np.abs(shares - truth).mean() for shares in found])
    return dict(zip(("counted", "corrected"), np.mean(errors, axis=0).tolist(), strict=True))

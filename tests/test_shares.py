"""Corrected shares: right where counting is biased, harmless where it is not."""

import numpy as np
import pytest
from scipy.special import softmax

from models.shares import corrected, counted, simulate

PRIOR = np.array([0.4, 0.3, 0.3])


def simulated(shares: np.ndarray, size: int = 4000, seed: int = 0) -> np.ndarray:
    """Probabilities of a model calibrated on PRIOR, for clauses whose labels have other shares."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(3, size, p=shares)
    evidence = generator.normal(0, 1, (size, 3))
    evidence[np.arange(size), labels] += 1.5  # each label raises its own column: a Gaussian model, solved exactly
    return softmax(1.5 * evidence + np.log(PRIOR), axis=1)


@pytest.mark.parametrize("shares", [(0.9, 0.05, 0.05), (0.1, 0.1, 0.8), (0.4, 0.3, 0.3), (0.0, 0.5, 0.5)])
def test_the_true_shares_are_found(shares: tuple[float, ...]) -> None:
    probabilities = simulated(np.array(shares))
    assert corrected(probabilities, PRIOR) == pytest.approx(shares, abs=0.035)
    assert corrected(probabilities, PRIOR).sum() == pytest.approx(1)


def test_counting_is_off_where_a_code_is_rare_and_correcting_mends_it() -> None:
    shares = np.array([0.9, 0.05, 0.05])
    probabilities = simulated(shares)
    off = [np.abs(found - shares).max() for found in (counted(probabilities), corrected(probabilities, PRIOR))]
    assert off[1] < 0.3 * off[0]


def test_the_simulation_knows_which_is_better() -> None:
    generator = np.random.default_rng(1)
    labels = generator.choice(3, 3000, p=PRIOR)
    evidence = generator.normal(0, 1, (3000, 3))
    evidence[np.arange(3000), labels] += 1.5
    probabilities = softmax(1.5 * evidence + np.log(PRIOR), axis=1)
    names = ["a", "b", "c"]
    errors = simulate(probabilities, np.array(names)[labels], names, PRIOR, samples=50)
    assert errors["corrected"] < 0.6 * errors["counted"]
    assert errors == simulate(probabilities, np.array(names)[labels], names, PRIOR, samples=50), "seeded"

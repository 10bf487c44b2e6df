"""Shares of the codes: right by hand, intervals that cover, corrected where counting is biased."""

from math import sqrt

import numpy as np
import pytest

from models.shares import adjusted, can_correct, corrected, counted, simulate

CONFUSION = np.array([[160, 20, 20], [30, 150, 20], [10, 10, 180]])
RATES = CONFUSION.T / CONFUSION.sum(axis=1)


def test_the_interval_of_one_document_is_wilsons() -> None:
    """3 of 10, by the formula: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)."""
    z, p, n = 1.959964, 0.3, 10
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((p + z * z / (2 * n) + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    assert counted(np.array([[3, 7]]))[0] == pytest.approx((0.3, low, high), abs=1e-6)


def test_the_interval_of_several_documents_covers() -> None:
    """Documents lean one way or the other; the interval over documents knows it, one over clauses would not."""
    generator, hits = np.random.default_rng(0), 0
    for _ in range(60):
        leanings = generator.beta(2, 2, size=40)
        first = generator.binomial(30, leanings)
        share = counted(np.stack([first, 30 - first], axis=1), seed=1)[0]
        hits += share.low <= 0.5 <= share.high
    assert hits >= 52


def test_two_documents_that_say_the_same_are_no_certainty() -> None:
    one, two = (counted(np.array([[5, 5]] * number))[0] for number in (1, 2))
    assert two.high - two.low > 0.5 * (one.high - one.low)
    assert corrected(np.array([[0, 3, 0]] * 2), CONFUSION)[1].low < 0.8


@pytest.mark.parametrize("documents", [3, 6])
def test_the_interval_of_few_documents_covers(documents: int) -> None:
    generator, hits = np.random.default_rng(0), 0
    for _ in range(100):
        first = generator.binomial(50, generator.beta(2, 2, size=documents))
        share = counted(np.stack([first, 50 - first], axis=1), seed=1)[0]
        hits += share.low <= 0.5 <= share.high
    assert hits >= 88


def test_a_share_counts_clauses_not_documents() -> None:
    assert counted(np.array([[9, 1], [0, 30]]))[0].value == pytest.approx(9 / 40)
    assert np.isnan(counted(np.array([[0, 0]]))[0].value)


@pytest.mark.parametrize("shares", [(0.9, 0.05, 0.05), (0.1, 0.1, 0.8), (0.4, 0.3, 0.3), (0.0, 0.5, 0.5)])
def test_the_true_shares_are_found(shares: tuple[float, ...]) -> None:
    assert adjusted(RATES @ np.array(shares), CONFUSION) == pytest.approx(shares)


def test_shares_stay_shares_whatever_was_counted() -> None:
    found = adjusted(np.random.default_rng(0).dirichlet(np.ones(3) * 0.2, size=200), CONFUSION)
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("documents", [1, 40])
def test_the_corrected_interval_covers_the_true_shares_where_the_counted_one_does_not(documents: int) -> None:
    """Clauses of known codes are coded as the true rates say; the rates themselves are known from a sample only."""
    generator = np.random.default_rng(1)
    truth, hits = np.array([0.8, 0.1, 0.1]), np.zeros(2)
    for _ in range(80):
        confusion = np.stack([generator.multinomial(sum(row), row / sum(row)) for row in CONFUSION])
        counts = generator.multinomial(400 // documents, RATES @ truth, size=documents)
        found = corrected(counts, confusion, seed=2)[0], counted(counts, seed=2)[0]
        hits += [share.low <= 0.8 <= share.high for share in found]
    assert hits[0] >= 70
    assert hits[1] <= 20


def test_confusions_that_cannot_be_undone_are_known() -> None:
    assert can_correct(CONFUSION)
    assert not can_correct(np.array([[5, 5], [5, 5]])), "the labels are not told apart"
    assert not can_correct(np.array([[5, 1], [0, 0]])), "a label without clauses"


def test_the_simulation_knows_which_is_better() -> None:
    generator = np.random.default_rng(1)
    gold = generator.choice(3, 3000)
    coded = np.array([generator.choice(3, p=RATES[:, label]) for label in gold])
    errors = simulate(coded, gold, CONFUSION, samples=50)
    assert errors["corrected"] < 0.6 * errors["counted"]
    assert errors == simulate(coded, gold, CONFUSION, samples=50), "seeded"

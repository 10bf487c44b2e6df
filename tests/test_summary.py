"""Shares of codes: right by hand, and intervals that cover."""

import csv
from collections import Counter
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from models.summary import Coded, shares, write_summary

LABELS = ["oppose", "none"]


def coded(name: str, oppose: int, none: int, group: str = "", date: str = "") -> Coded:
    return Coded(name, group, date, Counter(oppose=oppose, none=none))


def test_the_interval_of_one_document_is_wilsons() -> None:
    """3 of 10, by the formula: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)."""
    z, p, n = 1.959964, 0.3, 10
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((p + z * z / (2 * n) + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    assert shares([coded("a", 3, 7)], LABELS)["oppose"] == pytest.approx((0.3, low, high), abs=1e-6)


def test_the_interval_of_several_documents_covers() -> None:
    """Documents lean one way or the other; the interval over documents knows it, one over clauses would not."""
    generator, hits = np.random.default_rng(0), 0
    for _ in range(60):
        leanings = generator.beta(2, 2, size=40)
        documents = [coded(str(i), (k := int(generator.binomial(30, p))), 30 - k) for i, p in enumerate(leanings)]
        share = shares(documents, LABELS, seed=1)["oppose"]
        hits += share.low <= 0.5 <= share.high
    assert hits >= 52


def test_a_share_counts_clauses_not_documents() -> None:
    assert shares([coded("a", 9, 1), coded("b", 0, 30)], LABELS)["oppose"].value == pytest.approx(9 / 40)
    assert np.isnan(shares([coded("a", 0, 0)], LABELS)["oppose"].value)


def test_tables_and_plots_are_what_is_known(tmp_path: Path) -> None:
    plain = [coded("a", 1, 3), coded("b", 2, 2)]
    assert [path.name for path in write_summary(tmp_path / "plain", plain, LABELS)] == ["documents.csv", "shares.png"]
    rich = [coded(f"{g}-{y}", y % 7, 9, g, str(y)) for g in ("left", "right") for y in range(2001, 2006)]
    written = write_summary(tmp_path / "rich", rich, LABELS)
    assert [path.name for path in written] == [
        "documents.csv",
        "groups.csv",
        "shares.png",
        "over_time.csv",
        "over_time.png",
    ]
    assert all(path.stat().st_size > 100 for path in written)
    rows = list(csv.DictReader((tmp_path / "rich/groups.csv").open(encoding="utf-8")))
    assert [(row["name"], row["documents"]) for row in rows] == [("left", "5"), ("right", "5")]
    assert float(rows[0]["oppose low"]) <= float(rows[0]["oppose"]) <= float(rows[0]["oppose high"])
    years = [row["name"] for row in csv.DictReader((tmp_path / "rich/over_time.csv").open(encoding="utf-8"))]
    assert years == ["2001", "2002", "2003", "2004", "2005"]

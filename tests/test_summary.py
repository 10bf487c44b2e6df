"""What documents say as a whole: tables and plots of the shares of their codes."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from models.summary import Coded, Summary

LABELS = ["oppose", "none"]


def coded(name: str, oppose: int, none: int, group: str = "", date: str = "") -> Coded:
    counts = Counter(oppose=oppose, none=none)
    return Coded(name, group, date, counts, counts)


def test_corrected_shares_stand_beside_the_counted_ones(tmp_path: Path) -> None:
    """The model gives half of what is opposed to none; its labels are shown in another order than they sort in."""
    confusion = [[100, 0], [50, 50]]  # gold none, gold oppose
    summary = Summary(LABELS, confusion)
    share = summary.corrected([coded("a", 20, 80)])["oppose"]
    assert share.value == pytest.approx(0.4)
    assert share.low < 0.4 < share.high
    summary.write(tmp_path, [coded("a", 20, 80)])
    row = next(csv.DictReader((tmp_path / "documents.csv").open(encoding="utf-8")))
    assert (row["oppose"], row["oppose corrected"], row["none corrected"]) == ("0.2000", "0.4000", "0.6000")


def test_clauses_without_a_code_are_counted_as_such_and_corrected_by_the_likeliest(tmp_path: Path) -> None:
    document = Coded("a", "", "", Counter(oppose=1, none=1, uncertain=2), Counter(oppose=2, none=2))
    summary = Summary(LABELS, [[99, 1], [1, 99]], uncertain=True)
    assert summary.counted([document])["uncertain"].value == 0.5
    assert summary.corrected([document])["oppose"].value == pytest.approx(0.5)
    assert list(summary.shown([document])) == ["oppose", "none", "uncertain"]


def test_tables_and_plots_are_what_is_known(tmp_path: Path) -> None:
    plain = [coded("a", 1, 3), coded("b", 2, 2)]
    assert [path.name for path in Summary(LABELS).write(tmp_path / "plain", plain)] == ["documents.csv", "shares.png"]
    rich = [coded(f"{g}-{y}", y % 7, 9, g, str(y)) for g in ("left", "right") for y in range(2001, 2006)]
    written = Summary(LABELS).write(tmp_path / "rich", rich)
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

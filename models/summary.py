"""What documents say as a whole: shares of the codes, by document, by group and over time, with intervals."""

import csv
import io
import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from data.errors import make_folder, replace_file, visible
from models.outputs import harmless

DRAWS = 2000
CONFIDENCE = 0.95
BARS = 60  # rows of a plot
# Colours that people with the common kinds of colour blindness tell apart (Wong 2011), with hatches besides.
STYLES: dict[str, dict[str, Any]] = {
    "oppose": {"color": "#d55e00"},
    "support": {"color": "#0072b2", "hatch": "//"},
    "call-for": {"color": "#009e73", "hatch": ".."},
    "none": {"color": "#bbbbbb"},
    "uncertain": {"color": "#ffffff", "edgecolor": "#888888", "hatch": "xx"},
}


class Coded(NamedTuple):
    """How often a document has each code."""

    document: str
    group: str
    date: str
    counts: Counter[str]


class Share(NamedTuple):
    """A share and its 95 % interval."""

    value: float
    low: float
    high: float


def shares(documents: list[Coded], labels: list[str], seed: int = 0) -> dict[str, Share]:
    """The share of each code in all clauses of some documents.

    The interval is Wilson's for one document (Wilson 1927), that of a bootstrap over documents for several: clauses of
    one document resemble each other.

    >>> shares([Coded("a", "", "", Counter(oppose=2, none=2))], ["oppose", "none"])["oppose"].value
    0.5
    """
    counts = np.array([[each.counts[label] for label in labels] for each in documents])
    total = counts.sum()
    if not total:
        return {label: Share(np.nan, np.nan, np.nan) for label in labels}
    values = counts.sum(axis=0) / total
    if len(documents) == 1:
        tests = [binomtest(int(count), int(total)).proportion_ci(CONFIDENCE, "wilson") for count in counts[0]]
        bounds = np.array([[test.low, test.high] for test in tests])
    else:
        size = len(documents)
        weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=DRAWS)
        drawn = weights @ counts
        kept = drawn.sum(axis=1) > 0
        drawn = drawn[kept] / drawn[kept].sum(axis=1, keepdims=True)
        bounds = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0).T
    return {
        label: Share(float(value), float(low), float(high))
        for label, value, (low, high) in zip(labels, values, bounds, strict=True)
    }


def write_summary(folder: Path, documents: list[Coded], labels: list[str]) -> list[Path]:
    """Write documents.csv and shares.png, groups.csv where there are groups, over_time.png where dates are known."""
    make_folder(folder)
    by_group: dict[str, list[Coded]] = defaultdict(list)
    by_date: dict[str, list[Coded]] = defaultdict(list)
    for each in documents:
        by_group[each.group].append(each)
        if year := re.match(r"\d{4}\b", each.date):
            by_date[year.group()].append(each)
    written = [_table(folder / "documents.csv", {each.document: [each] for each in documents}, labels)]
    if len(by_group) > 1:
        written.append(_table(folder / "groups.csv", dict(sorted(by_group.items())), labels))
    bars = by_group if len(by_group) > 1 else {each.document: [each] for each in documents}
    written.append(_bars(folder / "shares.png", bars, labels))
    if len(by_date) > 1:
        written.append(_table(folder / "over_time.csv", dict(sorted(by_date.items())), labels))
        written.append(_lines(folder / "over_time.png", dict(sorted(by_date.items())), labels))
    return written


def _table(path: Path, rows: dict[str, list[Coded]], labels: list[str]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text)
    head = ["name", "group", "date", "documents", "clauses"]
    writer.writerow(map(harmless, head + [f"{label}{part}" for label in labels for part in ("", " low", " high")]))
    for name, documents in rows.items():
        of_one = [documents[0].group, documents[0].date] if len(documents) == 1 else ["", ""]
        clauses = sum(each.counts.total() for each in documents)
        values = [value for share in shares(documents, labels).values() for value in share]
        cells = ["" if np.isnan(value) else f"{value:.4f}" for value in values]
        writer.writerow(map(harmless, [name, *of_one, len(documents), clauses, *cells]))
    replace_file(path, text.getvalue())
    return path


def _bars(path: Path, rows: dict[str, list[Coded]], labels: list[str]) -> Path:
    """Shares of the codes, a bar a row; of very many rows those with the most clauses."""
    plt = _pyplot()
    largest = sorted(rows, key=lambda name: -sum(each.counts.total() for each in rows[name]))[:BARS]
    names = [name for name in rows if name in set(largest)][::-1]
    figure, axes = plt.subplots(figsize=(9, 0.3 * len(names) + 1.4), layout="constrained")
    left = np.zeros(len(names))
    found = {name: shares(rows[name], labels) for name in names}
    for label in labels:
        values = np.nan_to_num([found[name][label].value for name in names])
        axes.barh(range(len(names)), values, left=left, label=label, **({"edgecolor": "white"} | STYLES.get(label, {})))
        left += values
    clauses = [sum(each.counts.total() for each in rows[name]) for name in names]
    axes.set_yticks(
        range(len(names)), [f"{_short(name)} ({count:,})" for name, count in zip(names, clauses, strict=True)]
    )
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlim(0, 1)
    axes.margins(y=0.01)
    more = f"; the {BARS} largest of {len(rows):,}" if len(rows) > BARS else ""
    axes.set_xlabel(f"share of the clauses (their number in brackets{more})")
    figure.legend(loc="outside upper center", ncols=len(labels))
    return _save(figure, path)


def _lines(path: Path, rows: dict[str, list[Coded]], labels: list[str]) -> Path:
    """Shares of the codes year by year, with their intervals."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
    years = list(range(len(rows)))
    found = [shares(documents, labels) for documents in rows.values()]
    for label, marker in zip(labels, "osD^vP*X" * len(labels), strict=False):
        each = [share[label] for share in found]
        style = STYLES.get(label, {})
        colour = style.get("edgecolor", style.get("color"))
        axes.plot(years, [share.value for share in each], marker=marker, color=colour, label=label)
        axes.fill_between(
            years, [share.low for share in each], [share.high for share in each], color=colour, alpha=0.15
        )
    step = max(1, len(rows) // 12)
    axes.set_xticks(years[::step], list(rows)[::step])
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_ylabel("share of the clauses (band: 95 % interval)")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=len(labels))
    return _save(figure, path)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams["text.parse_math"] = False  # a dollar sign of a name is a dollar sign
    return plt


def _short(name: str) -> str:
    shown = visible(" ".join(name.split()))
    return shown if len(shown) <= 40 else "…" + shown[-39:]


def _save(figure: Any, path: Path) -> Path:
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks is a box
        figure.savefig(picture, format="png", dpi=150, metadata={"Software": None})
    _pyplot().close(figure)
    replace_file(path, picture.getvalue())
    return path

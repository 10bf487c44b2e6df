"""What documents say as a whole: shares of the codes, by document, by group and over time, with intervals."""

import csv
import io
import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import make_folder, replace_file, say, visible
from data.rows import UNCERTAIN
from models.outputs import harmless
from models.shares import Share, can_correct, corrected, counted

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
    """How often a document has each code: as given, and as the likeliest where none was given."""

    document: str
    group: str
    date: str
    counts: Counter[str]
    likeliest: Counter[str]


class Summary:
    """Shares of the codes in sets of documents, as counted and, where the model's confusions are known, as corrected.

    `labels` are those of the model in the order to show them, `confusion` its confusions in sorted order (`models.
    shares`), None where the card has none. With `uncertain` documents hold clauses that got no code; they are counted
    as such, and corrected shares go by the likeliest code.
    """

    def __init__(self, labels: list[str], confusion: list[list[int]] | None = None, uncertain: bool = False):
        self.labels, self.uncertain = labels, uncertain
        self.given = [*labels, UNCERTAIN] if uncertain else labels
        self.confusion: NDArray[np.int64] | None = None
        if confusion is not None and can_correct(np.array(confusion)):
            order = np.argsort(np.argsort(labels))
            self.confusion = np.array(confusion)[np.ix_(order, order)]

    def counted(self, documents: list[Coded]) -> dict[str, Share]:
        """The share of each code given in all clauses of some documents."""
        found = counted(np.array([[each.counts[label] for label in self.given] for each in documents]))
        return dict(zip(self.given, found, strict=True))

    def corrected(self, documents: list[Coded]) -> dict[str, Share]:
        """The corrected shares; empty where the model's confusions are not known."""
        if self.confusion is None:
            return {}
        counts = np.array([[each.likeliest[label] for label in self.labels] for each in documents])
        return dict(zip(self.labels, corrected(counts, self.confusion), strict=True))

    def shown(self, documents: list[Coded]) -> dict[str, Share]:
        """What a plot of sets of documents shows: the corrected shares, the counted ones where clauses got no code."""
        return (not self.uncertain and self.corrected(documents)) or self.counted(documents)

    def write(self, folder: Path, documents: list[Coded]) -> list[Path]:
        """Write documents.csv and shares.png, groups.csv where there are groups, over_time.* where dates are known."""
        make_folder(folder)
        by_group: dict[str, list[Coded]] = defaultdict(list)
        by_date: dict[str, list[Coded]] = defaultdict(list)
        for each in documents:
            by_group[each.group].append(each)
            if year := re.match(r"[0-9]{4}\b", each.date):
                by_date[year.group()].append(each)
        written = [self._table(folder / "documents.csv", {each.document: [each] for each in documents})]
        if len(by_group) > 1:
            written.append(self._table(folder / "groups.csv", dict(sorted(by_group.items()))))
        bars = by_group if len(by_group) > 1 else {each.document: [each] for each in documents}
        written.append(self._bars(folder / "shares.png", bars))
        if len(by_date) > 1:
            if undated := len(documents) - sum(map(len, by_date.values())):
                say(f"left out of over_time: {undated:,} documents whose date does not begin with a year")
            written.append(self._table(folder / "over_time.csv", dict(sorted(by_date.items()))))
            written.append(self._lines(folder / "over_time.png", dict(sorted(by_date.items()))))
        return written

    def _table(self, path: Path, rows: dict[str, list[Coded]]) -> Path:
        text = io.StringIO()
        writer = csv.writer(text)
        names = [*self.given, *(f"{label} corrected" for label in self.labels if self.confusion is not None)]
        head = ["name", "group", "date", "documents", "clauses"]
        writer.writerow(map(harmless, head + [f"{name}{part}" for name in names for part in ("", " low", " high")]))
        for name, documents in rows.items():
            of_one = [documents[0].group, documents[0].date] if len(documents) == 1 else ["", ""]
            clauses = sum(each.counts.total() for each in documents)
            found = [*self.counted(documents).values(), *self.corrected(documents).values()]
            cells = ["" if np.isnan(value) else f"{value:.4f}" for share in found for value in share]
            writer.writerow(map(harmless, [name, *of_one, len(documents), clauses, *cells]))
        replace_file(path, text.getvalue())
        return path

    def _bars(self, path: Path, rows: dict[str, list[Coded]]) -> Path:
        """Shares of the codes, a bar a row; of very many rows those with the most clauses."""
        plt = _pyplot()
        largest = sorted(rows, key=lambda name: -sum(each.counts.total() for each in rows[name]))[:BARS]
        names = [name for name in rows if name in set(largest)][::-1]
        figure, axes = plt.subplots(figsize=(9, 0.3 * len(names) + 1.4), layout="constrained")
        left = np.zeros(len(names))
        # In one document correcting adds more noise than it takes away.
        alone = all(len(documents) == 1 for documents in rows.values())
        found = [self.counted(rows[name]) if alone else self.shown(rows[name]) for name in names]
        for label in found[0]:
            values = np.nan_to_num([each[label].value for each in found])
            style = {"edgecolor": "white"} | STYLES.get(label, {})
            axes.barh(range(len(names)), values, left=left, label=label, **style)
            left += values
        clauses = [sum(each.counts.total() for each in rows[name]) for name in names]
        axes.set_yticks(
            range(len(names)), [f"{_short(name)} ({count:,})" for name, count in zip(names, clauses, strict=True)]
        )
        axes.xaxis.set_major_formatter("{x:.0%}")
        axes.set_xlim(0, 1)
        axes.margins(y=0.01)
        more = f"; the {BARS} largest of {len(rows):,}" if len(rows) > BARS else ""
        axes.set_xlabel(f"{'counted' if alone else self._kind()} share of the clauses (their number in brackets{more})")
        figure.legend(loc="outside upper center", ncols=len(found[0]))
        return _save(figure, path)

    def _lines(self, path: Path, rows: dict[str, list[Coded]]) -> Path:
        """Shares of the codes year by year, with their intervals."""
        plt = _pyplot()
        figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
        years = [int(year) for year in rows]
        found = [self.shown(documents) for documents in rows.values()]
        for label, marker in zip(found[0], "osD^vP*X" * len(found[0]), strict=False):
            each = [share[label] for share in found]
            style = STYLES.get(label, {})
            colour = style.get("edgecolor", style.get("color"))
            axes.plot(years, [share.value for share in each], marker=marker, color=colour, label=label)
            axes.fill_between(
                years, [share.low for share in each], [share.high for share in each], color=colour, alpha=0.15
            )
        axes.xaxis.set_major_locator(_locator())
        axes.yaxis.set_major_formatter("{x:.0%}")
        axes.set_ylabel(f"{self._kind()} share of the clauses (band: 95 % interval)")
        axes.grid(alpha=0.3)
        figure.legend(loc="outside upper center", ncols=len(found[0]))
        return _save(figure, path)

    def _kind(self) -> str:
        return "counted" if self.uncertain or self.confusion is None else "corrected"


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams["text.parse_math"] = False  # a dollar sign of a name is a dollar sign
    return plt


def _locator() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


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

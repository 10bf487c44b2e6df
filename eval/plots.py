"""Pictures of an evaluation, each legible alone."""

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from data.errors import replace_file, visible
from models.explain import Contribution
from models.summary import STYLES

plt.rcParams["text.parse_math"] = False  # a dollar sign of a text is a dollar sign
BLUE, ORANGE = "#0072b2", "#d55e00"  # Wong (2011): told apart by people with the common kinds of colour blindness
MORE = ("#009e73", "#cc79a7", "#666666", "#999999", "#000000")
PARTS = 40  # slices shown
LONGEST = 45  # letters of the name of one
MAX_CELLS = 20  # codes up to which a confusion matrix has its numbers written in
DPI = 150
# Without the version, the date and the random names that matplotlib writes, the same numbers give the same bytes.
plt.rcParams["svg.hashsalt"] = "policy-stance"


def plot_confusion(confusions: dict[str, list[list[int]]], labels: list[str], title: str, path: Path) -> None:
    """Confusion matrices beside each other, named ROWS by COLUMNS; shares of a row as shade, counts as numbers."""
    labels = [_cut(label) for label in labels]
    side = 1.1 * min(len(labels), MAX_CELLS) + 0.07 * max(map(len, labels))
    figure, grid = plt.subplots(
        1,
        len(confusions),
        figsize=((side + 1.4) * len(confusions) + 1.2, side + 1.6),
        layout="constrained",
        squeeze=False,
    )
    for axes, (name, confusion) in zip(grid.flat, confusions.items(), strict=True):
        rows, columns = name.split(" by ")
        counts = np.array(confusion)
        with np.errstate(invalid="ignore"):
            shares = counts / counts.sum(axis=1, keepdims=True)
        image = axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts if len(labels) <= MAX_CELLS else np.empty((0, 0))):
            share = shares[row, column]
            text = f"{count}" if np.isnan(share) else f"{share:.0%}\n{count}"
            axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else "black")
        axes.set_xticks(range(len(labels)), labels, rotation=30 if len(labels) > 5 else 0)
        axes.set_yticks(range(len(labels)), labels)
        axes.set_xlabel(columns)
        axes.set_ylabel(rows)
    figure.suptitle(visible(title), fontsize=10, wrap=True)
    figure.colorbar(image, ax=grid, label="share of the row", format=matplotlib.ticker.PercentFormatter(1))
    _save(figure, path)


def plot_top_terms(terms: dict[str, list[Contribution]], title: str, path: Path) -> None:
    """The n-grams with the largest weights of each code; ‹ › mark pieces of words, with the spaces at their ends."""
    columns = min(len(terms), 4)
    rows = -(-len(terms) // columns)
    longest = max(len(each) for each in terms.values())
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.4 * columns, rows * (0.27 * longest + 1.0)), layout="constrained", squeeze=False
    )
    for axes, (label, contributions) in zip(grid.flat, terms.items(), strict=False):
        axes.barh(
            [visible(each.term) for each in contributions][::-1],
            [each.value for each in contributions][::-1],
            color=BLUE,
        )
        axes.set_title(visible(label))
        axes.set_xlabel("weight (log-odds)")
        axes.margins(y=0.01)
    for axes in grid.flat[len(terms) :]:
        axes.set_visible(False)
    figure.suptitle(visible(title), fontsize=10)
    _save(figure, path)


def plot_shares(table: tuple[list[str], list[list[Any]]], path: Path) -> None:
    """Shares of the codes in every row of a table `field, documents, clauses, shares of the codes`."""
    head, rows = table
    names = [f"{row[0]} ({row[2]:,})" for row in rows][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.3 * len(rows) + 1.2), layout="constrained")
    percentages = np.array([[float(str(cell).rstrip("%")) for cell in row[3:]] for row in rows][::-1])
    percentages /= percentages.sum(axis=1, keepdims=True)  # rounded, they need not add up to 100
    left = np.zeros(len(rows))
    for code, shares in zip(head[3:], percentages.T, strict=True):
        axes.barh(names, shares, left=left, label=code, edgecolor="white", **STYLES[code])
        left += shares
    axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    axes.set_xlim(0, 1)
    axes.margins(y=0.01)
    axes.set_xlabel(f"share of the clauses, by {head[0]} (number of clauses)")
    figure.legend(loc="outside upper center", ncols=4)
    _save(figure, path)


def plot_lengths(words: dict[str, list[int]], path: Path) -> None:
    """Words per clause in every register: median, quartiles, 5th and 95th percentile."""
    figure, axes = plt.subplots(figsize=(8, 0.3 * len(words) + 1.2), layout="constrained")
    axes.boxplot(
        list(words.values())[::-1], orientation="horizontal", whis=(5, 95), sym="", tick_labels=list(words)[::-1]
    )
    axes.set_xlabel("words per clause (box: quartiles, whiskers: 5th and 95th percentile)")
    _save(figure, path)


def plot_growth(points: list[tuple[int, int]], path: Path) -> None:
    """Distinct words against running words."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.plot(*zip(*points, strict=True), color=BLUE)
    _log_scales(axes)
    axes.set_xlabel("running words")
    axes.set_ylabel("distinct words")
    axes.grid(alpha=0.3, which="both")
    _save(figure, path)


def plot_growth_of_time(curves: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Seconds against clauses scored, both on logarithmic scales."""
    figure, axes = plt.subplots(figsize=(8, 5.6), layout="constrained")
    for place, (name, points) in enumerate(curves.items()):
        colour, marker = (BLUE, ORANGE, *MORE)[min(place, 6)], "os^Dv<>PX*"[place % 10]
        clauses, seconds = [each["clauses"] for each in points], [each["seconds"] for each in points]
        axes.plot(clauses, seconds, marker=marker, color=colour, label=name)
    _log_scales(axes)
    axes.set_xlabel("clauses")
    axes.set_ylabel("seconds")
    axes.grid(alpha=0.3, which="both")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    _save(figure, path)


def plot_learning_curve(
    curve: list[dict[str, Any]], path: Path, laws: dict[str, dict[str, Any] | None] | None = None
) -> None:
    """Macro-F1 against training documents: mean and standard deviation over the splits, and the fitted power laws."""
    figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    documents = [point["documents"] for point in curve]
    ticks = list(documents)
    for (name, _), colour, marker in zip(curve[0]["scores"].items(), (BLUE, ORANGE, *MORE), "osD^", strict=False):
        means, deviations = (
            [f(point["scores"][name]) for point in curve] for f in (np.mean, lambda each: np.std(each, ddof=1))
        )
        line = "none" if laws else "-" if marker == "o" else "--"
        axes.errorbar(
            documents,
            means,
            yerr=deviations,
            marker=marker,
            linestyle=line,
            color=colour,
            capsize=3,
            label=visible(name),
        )
        if law := (laws or {}).get(name):
            twice = law["doubled"]["documents"]
            grid = np.geomspace(documents[0], twice, 100)
            label = f"{law['ceiling']:.3f} − {law['factor']:.2f} · n^−{law['exponent']:.2f}"
            axes.plot(grid, law["ceiling"] - law["factor"] * grid ** -law["exponent"], color=colour, label=label)
            axes.plot(twice, law["doubled"]["value"], marker=marker, color=colour, fillstyle="none")
            ticks = [*documents, twice]
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(count) for count in ticks])
    axes.minorticks_off()
    axes.set_xlabel("training documents (hollow: foretold)" if laws and any(laws.values()) else "training documents")
    axes.set_ylabel("macro-F1 (bars: standard deviation over repetitions)")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    _save(figure, path)


def plot_codes(per_label: dict[str, dict[str, Any]], labels: list[str], title: str, path: Path) -> None:
    """F1 of every code with its interval, coder by coder: rows of codes, the coders below one another."""
    figure, axes = plt.subplots(figsize=(7, 0.15 * len(labels) * (len(per_label) + 1) + 1.8), layout="constrained")
    names = list(per_label)
    for place, (name, scores) in enumerate(per_label.items()):
        drawn = [
            (row, scores[label]["f1"]) for row, label in enumerate(labels) if scores[label]["f1"]["value"] is not None
        ]
        values = np.array([score["value"] for _, score in drawn])
        bounds = np.array([score["interval"] or [score["value"]] * 2 for _, score in drawn]).reshape(-1, 2)
        heights = [row * (len(names) + 1) + place for row, _ in drawn]
        errors = np.abs(bounds.T - values)
        colour, marker = (BLUE, ORANGE, *MORE)[min(place, 6)], "os^Dv<>PX*"[place % 10]
        axes.errorbar(
            values, heights, xerr=errors, fmt=marker, color=colour, markersize=4, capsize=2, label=visible(name)
        )
    middle = (len(names) - 1) / 2
    axes.set_yticks(
        [row * (len(names) + 1) + middle for row in range(len(labels))], [visible(label) for label in labels]
    )
    axes.invert_yaxis()
    axes.set_xlim(right=1)
    axes.set_xlabel("F1 (bars: 95 % interval over documents)")
    axes.set_title(visible(title), fontsize=9, wrap=True)
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    _save(figure, path)


def plot_slices(slices: list[dict[str, Any]], overall: float, title: str, path: Path) -> None:
    """Macro-F1 of parts of the clauses with its interval, the weakest on top; the line is all clauses."""
    shown = slices[:PARTS]
    figure, axes = plt.subplots(figsize=(7.5, 0.27 * len(shown) + 1.4), layout="constrained")
    values = np.array([each["macro_f1"]["value"] for each in shown])
    bounds = np.array([each["macro_f1"]["interval"] or [each["macro_f1"]["value"]] * 2 for each in shown])
    axes.errorbar(values, range(len(shown)), xerr=np.abs(bounds.T - values), fmt="o", color=BLUE, capsize=2)
    axes.axvline(overall, color="black", linewidth=0.8, linestyle="--", label=f"all clauses {overall:.3f}")
    names = [f"{each['field']}: {_cut(each['value'])} ({each['clauses']:,})" for each in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(y=0.02)
    axes.set_xlabel("macro-F1 (bars: 95 % interval; in brackets clauses)")
    axes.set_title(visible(title), fontsize=9, wrap=True)
    axes.grid(alpha=0.3, axis="x")
    axes.legend(loc="lower left")
    _save(figure, path)


def _cut(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def plot_reliability(calibration: dict[str, Any], title: str, path: Path) -> None:
    """Accuracy against confidence in bins of equal mass; on the diagonal confidence means what it says."""
    bins = calibration["bins"]
    figure, axes = plt.subplots(figsize=(4.8, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--", label="calibrated")
    confidence, accuracy = [each["confidence"] for each in bins], [each["accuracy"] for each in bins]
    axes.plot(confidence, accuracy, "o-", color=BLUE, label=f"a point: about {bins[0]['clauses']:,} clauses")
    axes.set_xlim(min([*confidence, *accuracy]) - 0.02, 1.01)
    axes.set_ylim(min([*confidence, *accuracy]) - 0.02, 1.01)
    axes.set_xlabel("confidence: probability of the code given")
    axes.set_ylabel("accuracy")
    axes.set_title(
        f"{visible(title)}\nexpected calibration error {calibration['ece']['value']:.3f}", fontsize=9, wrap=True
    )
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    _save(figure, path)


def plot_risk_coverage(abstention: dict[str, Any], title: str, path: Path) -> None:
    """Accuracy when only the most confident share of the clauses is coded."""
    figure, axes = plt.subplots(figsize=(5.4, 4), layout="constrained")
    points = abstention["points"]
    axes.plot([each["coverage"] for each in points], [each["accuracy"] for each in points], "o-", color=BLUE)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    axes.set_xlabel("share of the clauses coded, the most confident first")
    axes.set_ylabel("accuracy on them")
    axes.set_title(f"{visible(title)}\narea under the risk curve {abstention['area']:.3f}", fontsize=9, wrap=True)
    axes.grid(alpha=0.3)
    _save(figure, path)


def plot_ranking(leads: list[tuple[str, tuple[float, list[float]]]], path: Path) -> None:
    """Leads in macro-F1 over the default settings with their intervals, the best on top."""
    figure, axes = plt.subplots(figsize=(8, 0.27 * len(leads) + 1.2), layout="constrained")
    names = [name for name, _ in leads][::-1]
    values = np.array([value for _, (value, _) in leads][::-1])
    bounds = np.array([bound for _, (_, bound) in leads][::-1])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.errorbar(values, range(len(names)), xerr=[values - bounds[:, 0], bounds[:, 1] - values], fmt="o", color=BLUE)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("macro-F1 above the default settings (95 % interval over documents)")
    axes.grid(alpha=0.3, axis="x")
    _save(figure, path)


def _log_scales(axes: Any) -> None:
    """Powers of ten as plain numbers: what matplotlib writes by itself is a formula, and formulas are switched off."""
    for scale, axis in ((axes.set_xscale, axes.xaxis), (axes.set_yscale, axes.yaxis)):
        scale("log")
        axis.set_major_formatter(
            matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
        )
        axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def _save(figure: Any, path: Path) -> None:
    """Save as PNG and, for print, as SVG beside it."""
    for form, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=form, dpi=DPI, metadata=metadata)
        replace_file(path.with_suffix(f".{form}"), picture.getvalue())
    plt.close(figure)

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
BLUE = "#0072b2"
MAX_CELLS = 20  # codes up to which a confusion matrix has its numbers written in
DPI = 150
# Without the version, the date and the random names that matplotlib writes, the same numbers give the same bytes.
plt.rcParams["svg.hashsalt"] = "policy-stance"


def plot_confusion(confusion: list[list[int]], labels: list[str], title: str, path: Path) -> None:
    """Gold codes down, predicted codes across; shares of the gold code as shade, counts as numbers."""
    counts, labels = np.array(confusion), [visible(label) for label in labels]
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(
        figsize=(1.2 * min(len(labels), MAX_CELLS) + 2.6, 1.0 * min(len(labels), MAX_CELLS) + 1.8), layout="constrained"
    )
    image = axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts if len(labels) <= MAX_CELLS else np.empty((0, 0))):
        share = shares[row, column]
        text = f"{count}" if np.isnan(share) else f"{share:.0%}\n{count}"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=30 if len(labels) > 5 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("code by the model")
    axes.set_ylabel("gold code")
    axes.set_title(visible(title), fontsize=10, wrap=True)
    figure.colorbar(image, label="share of the gold code", format=matplotlib.ticker.PercentFormatter(1))
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
    axes.loglog(*zip(*points, strict=True), color=BLUE)
    axes.set_xlabel("running words")
    axes.set_ylabel("distinct words")
    axes.grid(alpha=0.3, which="both")
    _save(figure, path)


def plot_learning_curve(curve: list[dict[str, Any]], gold: str | None, path: Path) -> None:
    """Macro-F1 against training documents: mean and standard deviation over the folds."""
    figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    documents = [point["documents"] for point in curve]
    lines = [("held_out", "other documents of the corpus", BLUE, "o-")]
    if gold:
        lines.append(("gold", visible(gold), "#d55e00", "s--"))
    for key, name, colour, style in lines:
        means, deviations = ([f(point[key]) for point in curve] for f in (np.mean, lambda each: np.std(each, ddof=1)))
        axes.errorbar(documents, means, yerr=deviations, fmt=style, color=colour, capsize=3, label=name)
    axes.set_xscale("log")
    axes.set_xticks(documents, [str(count) for count in documents])
    axes.minorticks_off()
    axes.set_xlabel("training documents")
    axes.set_ylabel("macro-F1 (bars: standard deviation over folds)")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    _save(figure, path)


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


def _save(figure: Any, path: Path) -> None:
    """Save as PNG and, for print, as SVG beside it."""
    for form, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=form, dpi=DPI, metadata=metadata)
        replace_file(path.with_suffix(f".{form}"), picture.getvalue())
    plt.close(figure)

"""Pictures of an evaluation, each legible alone."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from models.explain import Contribution

BLUE = "#0072b2"
DPI = 150
# Without the version and date that matplotlib writes into a PNG, the same numbers give the same bytes.
METADATA = {"Software": None}


def plot_confusion(confusion: list[list[int]], labels: list[str], title: str, path: Path) -> None:
    """Gold codes down, predicted codes across; shares of the gold code as shade, counts as numbers."""
    counts = np.array(confusion)
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(1.2 * len(labels) + 2.6, 1.0 * len(labels) + 1.8), layout="constrained")
    image = axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}" if np.isnan(share) else f"{share:.0%}\n{count}"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=30 if len(labels) > 5 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("code by the model")
    axes.set_ylabel("gold code")
    axes.set_title(title, fontsize=10, wrap=True)
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
        axes.barh([each.term for each in contributions][::-1], [each.value for each in contributions][::-1], color=BLUE)
        axes.set_title(label)
        axes.set_xlabel("weight (log-odds)")
        axes.margins(y=0.01)
    for axes in grid.flat[len(terms) :]:
        axes.set_visible(False)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=DPI, metadata=METADATA)
    plt.close(figure)

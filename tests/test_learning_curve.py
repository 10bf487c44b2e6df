"""The learning curve grows by whole documents, and the power law says what was put in."""

from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import tiny_rows

from eval.learning_curve import Split, learning_curve, power_law
from models.classifier import Settings
from models.fitting import Clauses


def test_every_point_holds_whole_documents_and_the_last_one_all_of_them() -> None:
    rows = tiny_rows()
    texts, labels, documents = ([str(row[name]) for row in rows] for name in ("text", "label", "document"))
    counted = Clauses(Settings(), texts, labels, documents)
    splits = [Split(np.arange(16), {"others": np.arange(16, 24)}, seed) for seed in range(3)]
    points = learning_curve(counted, splits, (0.5, 1.0), jobs=1)
    assert [(point["documents"], point["clauses"]) for point in points] == [(2, 8), (4, 16)]
    assert [len(point["scores"]["others"]) for point in points] == [3, 3]
    assert len(set(points[-1]["scores"]["others"])) == 1, "all documents are all documents in any order"


def test_a_law_is_found_again_through_noise_and_foretells() -> None:
    generator, documents = np.random.default_rng(0), [25, 50, 100, 200, 400]
    scores = [(0.95 - 0.8 * n**-0.45 + generator.normal(0, 0.002, 5)).tolist() for n in documents]
    law = power_law(documents, scores)
    assert law
    assert law["doubled"]["value"] == pytest.approx(0.95 - 0.8 * 800**-0.45, abs=0.01)
    assert law["doubled"]["range"][0] <= law["doubled"]["value"] <= law["doubled"]["range"][1]


@pytest.mark.parametrize("scores", [[[0.5]] * 5, [[0.9], [0.8], [0.7], [0.6], [0.5]]])
def test_scores_that_do_not_rise_have_no_law(scores: list[list[float]]) -> None:
    assert power_law([1, 2, 4, 8, 16], scores) is None


def test_the_picture_shows_points_law_and_what_is_foretold(tmp_path: Path) -> None:
    from eval.plots import plot_learning_curve

    documents = [25, 50, 100, 200]
    points = [{"documents": n, "scores": {"others": [0.9 - n**-0.5, 0.91 - n**-0.5]}} for n in documents]
    plot_learning_curve(
        points, tmp_path / "c.png", {"others": power_law(documents, [[0.9 - n**-0.5] for n in documents])}
    )
    drawn = (tmp_path / "c.svg").read_text(encoding="utf-8")
    assert "400" in drawn or (tmp_path / "c.png").stat().st_size > 5000

"""Mistakes: their doubles among the training clauses, and what leads from one code to another."""

import csv
import io

import numpy as np
import pytest

from eval.mistakes import as_csv, by_pair, nearest
from models.classifier import Settings
from models.fitting import Clauses, fit

TEXTS = [
    "They reject the tariffs on steel.",
    "They welcome the agreement on fish.",
    "Talks on grain were held on Friday.",
    "They reject the tariffs on grain.",
    "They welcome the agreement on timber.",
    "Talks on fish were held on Monday.",
]
LABELS = ["oppose", "support", "none"] * 2


def test_the_double_is_the_clause_with_the_most_n_grams_in_common() -> None:
    asked = ["They reject the tariffs on steel.", "Nothing of this was ever said"]
    counted = Clauses(Settings(), TEXTS + asked, [*LABELS, "none", "none"], [str(n) for n in range(8)])
    train = np.arange(6)
    found = nearest(fit(counted, train), counted, TEXTS + asked, train, np.arange(6, 8))
    assert (found[0]["text"], found[0]["label"]) == (TEXTS[0], "oppose")
    assert found[0]["similarity"] == pytest.approx(1)
    assert found[1]["similarity"] < 0.5


def mistake(gold: str, coded: str, **because: float) -> dict[str, object]:
    named = {"id": "1", "document": "d", "text": "=1+1", "confidence": 0.9}
    return named | {"gold": gold, "coded": coded, "because": because}


def test_pairs_are_counted_and_their_n_grams_summed() -> None:
    wrong = [mistake("oppose", "none", were=1.0, by=0.4), mistake("none", "oppose", no=2.0)]
    wrong.append(mistake("oppose", "none", by=0.9))
    pairs = by_pair(wrong, {"oppose": 10, "none": 5})
    assert [(each["gold"], each["coded"], each["clauses"], each["share"]) for each in pairs] == [
        ("oppose", "none", 2, 0.2),
        ("none", "oppose", 1, 0.2),
    ]
    assert pairs[0]["because"] == {"by": 1.3, "were": 1.0}


def test_the_table_runs_nothing_and_names_the_doubles() -> None:
    double = {"nearest": {"text": "+2", "label": "none", "similarity": 0.5}}
    rows = list(csv.DictReader(io.StringIO(as_csv([mistake("oppose", "none", by=0.4) | double]))))
    assert (rows[0]["text"], rows[0]["nearest_text"], rows[0]["nearest_label"]) == ("'=1+1", "'+2", "none")

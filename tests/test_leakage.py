"""Leakage is found where there is some, and random folds flatter where documents repeat themselves."""

import numpy as np
from datasets import Dataset

from eval.leakage import grouped_and_random, overlap
from models.classifier import Settings
from models.fitting import Clauses


def clauses(*rows: tuple[str, str]) -> Dataset:
    return Dataset.from_dict({"document": [row[0] for row in rows], "text": [row[1] for row in rows]})


def test_what_stands_on_both_sides_is_counted() -> None:
    training = clauses(("a", "We reject the new tariffs on steel outright."), ("b", "Talks were held."))
    judged = clauses(
        ("a", "We welcome the agreement on fisheries."),
        ("c", "we reject the new tariffs on steel outright"),
        ("d", "Talks were held."),
        ("e", "They reject the new tariffs on steel outright, all the same."),
    )
    found = overlap(training, judged)
    assert (found["documents"], found["clauses"]) == (1, 1), "clauses under five words recur in honest text"
    assert found["near_duplicates"] == 1
    assert found["examples"] == [[training["text"][0], judged["text"][1]]]


def test_random_folds_flatter_where_each_document_has_a_word_of_its_own_for_each_code() -> None:
    """A word that only one document has tells its code to a model that saw half of the document, and to no other."""
    generator = np.random.default_rng(0)
    rows = [(document, int(generator.integers(2))) for document in range(40) for _ in range(8)]
    texts = [f"word{document}{'ab'[label]} stands here" for document, label in rows]
    labels = [("oppose", "support")[label] for _, label in rows]
    documents = [str(document) for document, _ in rows]
    counted = Clauses(Settings(), texts, labels, documents)
    found = grouped_and_random(counted, np.arange(len(rows)), documents, jobs=1)
    assert found["random"]["accuracy"]["value"] > 0.9
    assert found["grouped"]["accuracy"]["value"] < 0.65
    assert found["lead"]["interval"][0] > 0.2

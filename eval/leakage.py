"""Whether a score could owe anything to clauses that the model learnt from: shown, not claimed."""

from typing import Any

import numpy as np
from datasets import Dataset

from data.near_duplicates import near_duplicates
from data.split import text_hashes
from eval.compare import compare
from eval.metrics import evaluate
from models.fitting import Clauses, Rows, out_of_fold

EXAMPLES = 5
FOLDS = 3


def overlap(training: Dataset, judged: Dataset) -> dict[str, Any]:
    """What stands on both sides: `documents` of one name, `clauses` word for word, `near_duplicates` with examples.

    Clauses under five words, which any two documents share, do not count; near-duplicates are pairs of word 3-grams
    that agree in most (`data.near_duplicates`).
    """
    sides = training["text"][:], judged["text"][:]
    known = {each for each in text_hashes(sides[0]) if each}
    border = len(sides[0])
    texts = [*sides[0], *sides[1]]
    near = [pair for pair in near_duplicates(texts) if min(pair) < border <= max(pair)]
    return {
        "documents": len(set(training["document"]) & set(judged["document"])),
        "clauses": sum(each in known for each in text_hashes(sides[1]) if each),
        "near_duplicates": len(near),
        "examples": [[texts[min(pair)], texts[max(pair)]] for pair in near[:EXAMPLES]],
    }


def grouped_and_random(clauses: Clauses, rows: Rows, documents: list[str], jobs: int = -1) -> dict[str, Any]:
    """Three-fold cross-validation over `rows` with documents kept whole, and with clauses dealt at random.

    Random folds put clauses of one document on both sides; what they score more is what such a split flatters by.
    Returns the scores of both (`eval.metrics.evaluate`) and the `lead` of random folds with its paired interval.
    """
    names = np.unique(clauses.labels[rows])
    labels, gold = [str(name) for name in names], clauses.labels[rows].tolist()
    codings = {
        name: names[out_of_fold(clauses, FOLDS, jobs=jobs, rows=rows, grouped=grouped).argmax(axis=1)].tolist()
        for name, grouped in (("random", False), ("grouped", True))
    }
    scores = {name: evaluate(gold, coded, documents, labels) for name, coded in codings.items()}
    lead = compare(gold, codings, documents, labels)["grouped"]["lead"]
    kept = {name: {key: each[key] for key in ("macro_f1", "accuracy")} for name, each in scores.items()}
    return kept | {"lead": lead}

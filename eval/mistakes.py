"""The clauses coded wrongly: why, by pair of codes, and beside the training clauses that they resemble most."""

import csv
import io
from collections import defaultdict
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from models.explain import Explainer
from models.fitting import Clauses, Fitted, Rows
from models.outputs import harmless, told

REASONS = 6  # n-grams named for each mistake, and for each pair of codes
BATCH = 500


def mistakes(
    pipeline: Pipeline, clauses: Dataset, coded: list[str], probabilities: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Every clause coded wrongly, the most confident first, with the n-grams that spoke for the wrong code.

    `probabilities` are those of all clauses; `row` is the place of a mistake among them.
    """
    labels = [str(label) for label in pipeline.classes_]
    wrong = [index for index, (gold, code) in enumerate(zip(clauses["label"], coded, strict=True)) if gold != code]
    if not wrong:
        return []
    explainer, found = Explainer(pipeline), []
    for index in wrong:
        clause, code, row = clauses[index], coded[index], probabilities[index]
        reasons = explainer.contributions(clause["text"], code, against=clause["label"])[:REASONS]
        found.append(
            {name: clause[name] for name in ("id", "document", "text")}
            | {"gold": clause["label"], "coded": code, "confidence": round(float(row[labels.index(code)]), 4)}
            | {"because": {each.term: round(each.value, 3) for each in reasons}, "row": index}
        )
    return sorted(found, key=lambda each: -each["confidence"])


def nearest(fitted: Fitted, clauses: Clauses, texts: list[str], train: Rows, judged: Rows) -> list[dict[str, Any]]:
    """For each judged row the training clause most like it: `text, label, similarity`, the cosine of their features.

    A mistake whose double was given another code is either a slip of the coders or a distinction that the n-grams
    do not see.
    """
    if not len(judged):
        return []
    known, asked = fitted.matrix(clauses, train), fitted.matrix(clauses, judged)
    lengths = [np.sqrt(np.asarray(each.multiply(each).sum(axis=1)).ravel()) for each in (known, asked)]
    found = []
    for start in range(0, len(judged), BATCH):
        similar = (asked[start : start + BATCH] @ known.T).toarray()
        scale = lengths[1][start : start + BATCH, None] * lengths[0]
        similar = np.divide(similar, scale, out=np.zeros_like(similar), where=scale > 0)
        for row, best in zip(similar, similar.argmax(axis=1), strict=True):
            place = train[best]
            each = {"text": texts[place], "label": str(clauses.labels[place]), "similarity": round(float(row[best]), 3)}
            found.append(each)
    return found


def by_pair(wrong: list[dict[str, Any]], support: dict[str, int]) -> list[dict[str, Any]]:
    """The mistakes by gold code and code given, the most frequent first: how many, and the n-grams that did most.

    `share` is that of the clauses of the gold code; the weights of an n-gram are summed over the mistakes.
    """
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for each in wrong:
        pairs[each["gold"], each["coded"]].append(each)
    found = []
    for (gold, coded), members in sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0])):
        sums: dict[str, float] = defaultdict(float)
        for each in members:
            for term, weight in each["because"].items():
                sums[term] += weight
        heaviest = sorted(sums, key=lambda term: (-sums[term], term))[:REASONS]
        because = {term: round(sums[term], 2) for term in heaviest}
        share = len(members) / support[gold]
        found.append({"gold": gold, "coded": coded, "clauses": len(members), "share": share, "because": because})
    return found


def as_csv(wrong: list[dict[str, Any]]) -> str:
    """The mistakes as a table, for a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = ["id", "document", "gold", "coded", "confidence", "text"]
    doubles = ["nearest_text", "nearest_label", "nearest_similarity"] if wrong and "nearest" in wrong[0] else []
    writer.writerow([*names, "because", *doubles])
    for each in wrong:
        cells = [each[name] for name in names] + [told(each["because"].items())]
        writer.writerow([harmless(cell) for cell in [*cells, *each.get("nearest", {}).values()]])
    return text.getvalue()

"""Parts of the clauses: each where it belongs, the weakest first."""

import numpy as np
from datasets import Dataset

from data.reading import FEATURES
from data.rows import FIELDS
from eval.slices import slices

LABELS = ["oppose", "none"]


def clauses() -> Dataset:
    """Two registers of six documents, ten clauses each; in the second register every second code is wrong."""
    rows = [
        {"id": f"{d}-{p}", "document": str(d), "position": p, "text": f"They {'do not ' * (p % 2)}oppose {d} {p}."}
        | {"label": LABELS[p % 2], "register": ("speech", "record")[d % 2], "topic": "fish", "date": f"19{60 + d}"}
        for d in range(12)
        for p in range(1, 11)
    ]
    return Dataset.from_list([{name: row.get(name) for name in FIELDS} for row in rows], features=FEATURES)


def test_the_weak_part_is_found_and_comes_first() -> None:
    data = clauses()
    wrong = [r == "record" and p % 4 < 2 for r, p in zip(data["register"], data["position"], strict=True)]
    coded = [LABELS[(LABELS.index(gold) + bad) % 2] for gold, bad in zip(data["label"], wrong, strict=True)]
    found = slices(data, coded, np.full(120, 0.8), LABELS)
    assert (found[0]["field"], found[0]["value"]) == ("register", "record")
    by_value = {(each["field"], each["value"]): each for each in found}
    assert by_value["register", "speech"]["accuracy"]["value"] == 1
    assert by_value["register", "record"]["documents"] == 6
    assert by_value["negation", "negated"]["clauses"] == by_value["negation", "not negated"]["clauses"] == 60
    assert {each["field"] for each in found} == {"register", "decade", "negation"}, "all of one kind is no part"
    scores = [each["macro_f1"]["value"] for each in found]
    assert scores == sorted(scores)

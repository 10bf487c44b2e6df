"""Cross-validate the classifier on any labelled clauses: how well would it do if it were trained on such text?

python -m eval.crossvalidate --data mine.csv                              five folds over documents
python -m eval.crossvalidate --data tweets.jsonl --topic-column target --by topic     one model for every topic
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.errors import InputError, make_folder, replace_file, require_writable, run, say, shorten
from data.reading import CORPUS, add_data_arguments, read_clauses, read_from
from data.rows import CODES, NO_POSITION
from data.split import data_sha256, document_groups
from eval.metrics import evaluate
from eval.report import shown
from models.classifier import Settings
from models.fitting import FOLDS, Clauses, out_of_fold

FIELDS = ("topic", "register", "language")


def main() -> None:
    arguments = parse()
    source = arguments.data or str(CORPUS)
    out = arguments.out or Path("reports") / f"crossvalidated-{Path(source.removeprefix('hub:')).stem}"
    require_writable(out / "metrics.json")
    clauses = read_from(arguments) if arguments.data else read_clauses(CORPUS)
    labels = sorted(set(clauses["label"]), key=lambda label: (label == NO_POSITION, label))
    if set(labels) <= set(CODES):
        labels = [code for code in CODES if code in labels]

    coded, parts = np.empty(len(clauses), dtype=object), by_value(clauses, arguments.by)
    for name, rows in parts.items():
        say(f"{name}: {len(rows):,} clauses")
        coded[rows] = code_out_of_fold(clauses.select(rows), name, arguments.folds, arguments.jobs)

    gold, documents = clauses["label"][:], clauses["document"][:]
    scores = {"all": evaluate(gold, coded.tolist(), documents, labels)}
    for name, rows in parts.items() if arguments.by else ():
        part = clauses.select(rows)
        scores[f"{arguments.by} {name}"] = evaluate(part["label"][:], coded[rows].tolist(), part["document"][:], labels)
    report = {
        "data": {"source": source, "sha256": data_sha256(clauses), "by": arguments.by},
        "folds": arguments.folds,
        "labels": labels,
        "scores": scores,
    }
    make_folder(out)
    replace_file(out / "metrics.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    show(scores, labels)
    say(f"report: {out}/metrics.json")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval.crossvalidate", description="Cross-validate the classifier on labelled clauses."
    )
    parser.add_argument("--by", choices=FIELDS, help="a model of its own for every value of this field")
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"folds over documents (default: {FOLDS})")
    parser.add_argument("--out", type=Path, help="folder for the report (default: reports/crossvalidated-DATA)")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: all cores)")
    add_data_arguments(parser)
    arguments = parser.parse_args()
    if arguments.folds < 2:
        parser.error(f"argument --folds: {arguments.folds} should be 2 or more")
    return arguments


def by_value(clauses: Dataset, field: str | None) -> dict[str, list[int]]:
    """Row numbers for every value of a field, or of all rows."""
    if field is None:
        return {"all": list(range(len(clauses)))}
    parts: dict[str, list[int]] = {}
    for index, value in enumerate(clauses[field]):
        if value is None:
            raise InputError(f"{clauses['id'][index]} has no {field}: --by {field} needs one for every clause")
        parts.setdefault(value, []).append(index)
    return parts


def code_out_of_fold(clauses: Dataset, name: str, folds: int, jobs: int) -> list[str]:
    """The code of every clause by a model that has not seen its document."""
    labels = sorted(set(clauses["label"]))
    if len(labels) < 2:
        raise InputError(f"{shorten(name)} has only the label {labels[0]!r}: a classifier needs at least two")
    counted = Clauses(
        Settings(), clauses["text"][:], clauses["label"][:], document_groups(clauses), clauses["coders"][:]
    )
    return list(np.array(labels)[out_of_fold(counted, folds, jobs=jobs).argmax(axis=1)])


def show(scores: dict[str, dict[str, Any]], labels: list[str]) -> None:
    """A table of scores, a row for every part."""
    table = Table(title="out of fold [95 % interval over documents]", title_justify="left", box=None, padding=(0, 1))
    for heading in ("", "clauses", "macro-F1", "positions only", "accuracy", *(f"F1 {label}" for label in labels)):
        table.add_column(heading, overflow="fold")
    for name, each in scores.items():
        overall = [shown(each[key]) for key in ("macro_f1", "macro_f1_positions", "accuracy")]
        per_label = [shown(each["per_label"][label]["f1"], wide=False) for label in labels]
        table.add_row(Text(name), f"{each['clauses']:,}", *overall, *per_label)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    run(main)

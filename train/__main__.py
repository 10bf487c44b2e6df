"""Train the classifier: read labelled clauses, fit, judge on held-out documents, save.

python -m train                                                    the corpus → models/stance.joblib
python -m train --data mine.csv --text-column body --label-map con=oppose,pro=support
"""

import argparse
import difflib
import shlex
import time
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from datasets import Dataset
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline

from data.errors import InputError, run, say, shorten
from data.near_duplicates import near_duplicates
from data.reading import CORPUS, add_data_arguments, read_from
from data.split import data_sha256, document_groups, halves, refuse_leaks, text_hashes, with_split
from models.calibration import calibrate
from models.classifier import SEED, Settings
from models.fitting import Clauses, fit, fitted_pipeline
from models.storage import MODEL, check_target, save

FEW = 100  # held-out clauses
C = Settings().C


def main() -> None:
    arguments = parse()
    source, target = arguments.data or str(CORPUS), arguments.model or default_target(arguments.data)
    refuse_to_replace_the_project_s_model(arguments, source, target)
    check_target(target)
    say(f"train: {source} → {target}, C={arguments.c:g}")

    start = time.perf_counter()
    clauses = with_split(read_from(arguments))
    near = near_duplicates(clauses["text"][:])
    refuse_leaks(clauses, near)
    training, held_out = halves(clauses)
    if not len(training) or not len(held_out):
        raise InputError(f"all clauses of {source} stand on one side: its column `split` needs both train and test")
    say(f"  read {count(training)} to learn from, {count(held_out)} held out", start)
    for warning in doubts(clauses, held_out):
        say(f"  warning: {warning}")

    start = time.perf_counter()
    settings = replace(Settings(), C=arguments.c)
    learnt = training["label"][:]
    groups = [
        group for group, side in zip(document_groups(clauses, near), clauses["split"], strict=True) if side == "train"
    ]
    counted = Clauses(settings, training["text"][:], learnt, groups, training["coders"][:])
    model = fitted_pipeline(counted, fit(counted))
    terms, labels = model[-1].coef_.shape[1], [str(label) for label in model.classes_]
    say(f"  fitted {terms:,} n-grams for {', '.join(labels)}", start)

    start = time.perf_counter()
    calibration = calibrate(model, counted)
    say(f"  {told(calibration)}", start)

    metrics = judge(model, held_out["text"][:], held_out["label"][:])
    card = {
        "labels": labels,
        "settings": asdict(settings) | {"seed": SEED},
        "data": {
            "source": source,
            "text_column": arguments.text_column,
            "label_column": arguments.label_column,
            "document_column": arguments.document_column,
            "topic_column": arguments.topic_column,
            "label_map": arguments.label_map,
            "ignore_columns": arguments.ignore_columns,
            "sha256": data_sha256(clauses),
        },
        "split": {"train": size(training), "test": size(held_out)},
        "metrics": {"held_out": metrics},
        **calibration,
        # What the model has seen, so that evaluation can refuse to judge it on that.
        "trained_on": " ".join(sorted({known for known in text_hashes(training["text"][:]) if known})),
    }
    save(model, card, target)
    say(
        f"saved {target} and its card: macro-F1 {metrics['macro_f1']:.3f}, accuracy {metrics['accuracy']:.3f} "
        f"on held-out documents"
    )
    if target != MODEL:
        say(f"judge it with: python -m eval --model {shlex.quote(str(target))}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train the classifier on labelled clauses.")
    add_data_arguments(parser)
    parser.add_argument(
        "--model", type=Path, help=f"where to save it (default: {MODEL}; models/NAME.joblib for --data)"
    )
    parser.add_argument("--c", type=positive, default=C, help=f"inverse strength of regularisation (default: {C:g})")
    return parser.parse_args()


def refuse_to_replace_the_project_s_model(arguments: argparse.Namespace, source: str, target: Path) -> None:
    """`make` takes models/stance.joblib for what the corpus and the default settings give."""
    default = Path(source).absolute() == CORPUS.absolute() and arguments.c == C
    if target.absolute() == MODEL.absolute() and not default:
        raise InputError(
            f"{MODEL} is kept for the corpus and the default settings: save this model elsewhere, "
            f"with MODEL={MODEL.parent}/NAME.joblib (--model {MODEL.parent}/NAME.joblib)"
        )


def doubts(clauses: Dataset, held_out: Dataset) -> list[str]:
    """What a careful user would want to know before trusting a model of these clauses."""
    found = []
    counts = Counter(clauses["label"])
    folded: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        folded[label.casefold()].append(f"{label!r} ({counts[label]:,})")
    found += [f"labels differ in case only: {', '.join(same)}" for same in folded.values() if len(same) > 1]
    for label, number in counts.items():
        near = difflib.get_close_matches(label, [other for other in counts if counts[other] > 5 * number], cutoff=0.8)
        if near and near[0].casefold() != label.casefold():
            found.append(f"label {label!r} ({number:,}) looks like {near[0]!r} ({counts[near[0]]:,}) misspelt")
    if len(set(clauses["document"])) == len(clauses):
        found.append("every clause is its own document: name the column of the document with --document-column")
    codes: dict[str, set[str]] = defaultdict(set)
    for text, label in zip(clauses["text"], clauses["label"], strict=True):
        codes[text].add(label)
    if torn := [text for text, labels in codes.items() if len(labels) > 1]:
        found.append(f"{len(torn):,} clauses have two different codes, such as {shorten(torn[0])}")
    if len(held_out) < FEW:
        found.append(f"only {len(held_out)} clauses are held out: the scores say little")
    return found


def positive(value: str) -> float:
    number = float(value)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{value} should be above 0")
    return number


def default_target(data: str | None) -> Path:
    """The corpus makes the project's model; other data make one of their own beside it."""
    if data is None or Path(data) == CORPUS:
        return MODEL
    return MODEL.with_name(f"{Path(data.removeprefix('hub:').replace(':', '-')).stem}.joblib")


def told(calibration: dict[str, Any]) -> str:
    if not calibration:
        return "not calibrated: too few clauses or documents for out-of-fold predictions"
    return f"calibrated on out-of-fold predictions: temperature {calibration['temperature']:.2f}"


def judge(model: Pipeline, texts: list[str], labels: list[str]) -> dict[str, float]:
    predicted = model.predict(texts)
    macro = f1_score(labels, predicted, labels=sorted(set(labels)), average="macro", zero_division=0)
    return {"macro_f1": float(macro), "accuracy": float(accuracy_score(labels, predicted))}


def size(clauses: Dataset) -> dict[str, int]:
    return {"documents": len(set(clauses["document"])), "clauses": len(clauses)}


def count(clauses: Dataset) -> str:
    return f"{len(clauses):,} clauses of {size(clauses)['documents']:,} documents"


if __name__ == "__main__":
    run(main)

"""Train the classifier: read labelled clauses, fit, judge on held-out documents, save.

python -m train                                                    the corpus → models/stance.joblib
python -m train --data mine.csv --text-column body --label-map con=oppose,pro=support
"""

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from data.errors import InputError, run
from data.reading import CORPUS, add_data_arguments, read_from
from data.split import data_sha256, halves, refuse_leaks, text_hashes, with_split
from models.classifier import SEED, C, stance_classifier
from models.storage import MODEL, check_target, save


def main() -> None:
    arguments = parse()
    source, target = arguments.data or str(CORPUS), arguments.model or default_target(arguments.data)
    check_target(target)
    say(f"train: {source} → {target}, C={arguments.c:g}, seed={arguments.seed}")

    start = time.perf_counter()
    clauses = with_split(read_from(arguments), arguments.seed)
    refuse_leaks(clauses)
    training, held_out = halves(clauses)
    say(f"  read {count(training)} to learn from, {count(held_out)} held out", start)

    start = time.perf_counter()
    model = stance_classifier(arguments.c, arguments.seed)
    fit(model, training["text"][:], training["label"][:])
    terms, labels = model[-1].coef_.shape[1], [str(label) for label in model.classes_]
    say(f"  fitted {terms:,} n-grams for {', '.join(labels)}", start)

    metrics = judge(model, held_out["text"][:], held_out["label"][:])
    card = {
        "labels": labels,
        "settings": {"C": arguments.c, "seed": arguments.seed},
        "data": {
            "source": source,
            "text_column": arguments.text_column,
            "label_column": arguments.label_column,
            "label_map": arguments.label_map,
            "sha256": data_sha256(clauses),
        },
        "split": {"train": size(training), "test": size(held_out)},
        "metrics": {"held_out": metrics},
        # What the model has seen, so that evaluation can refuse to judge it on that.
        "trained_on": " ".join(sorted({known for known in text_hashes(training["text"][:]) if known})),
    }
    save(model, card, target)
    say(
        f"saved {target} and its card: macro-F1 {metrics['macro_f1']:.3f}, accuracy {metrics['accuracy']:.3f} "
        f"on held-out documents"
    )
    if target != MODEL:
        say(f"judge it with: python -m eval --model {target}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train the classifier on labelled clauses.")
    add_data_arguments(parser)
    parser.add_argument(
        "--model", type=Path, help=f"where to save it (default: {MODEL}; models/NAME.joblib for --data)"
    )
    parser.add_argument("--c", type=positive, default=C, help=f"inverse strength of regularisation (default: {C:g})")
    parser.add_argument(
        "--seed", type=int, default=SEED, help=f"of the split of --data and the solver (default: {SEED})"
    )
    return parser.parse_args()


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


def fit(model: Pipeline, texts: list[str], labels: list[str]) -> None:
    """Fit with one BLAS thread: more are slower on matrices this thin, and their sums depend on the machine."""
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            model.fit(texts, labels)
    except ConvergenceWarning as warning:
        raise InputError(f"the solver did not converge ({str(warning).splitlines()[0]}): try a smaller --c") from None
    except ValueError as error:
        raise InputError(f"cannot learn from these clauses: {error}") from None


def judge(model: Pipeline, texts: list[str], labels: list[str]) -> dict[str, float]:
    predicted = model.predict(texts)
    macro = f1_score(labels, predicted, labels=sorted(set(labels)), average="macro", zero_division=0)
    return {"macro_f1": float(macro), "accuracy": float(accuracy_score(labels, predicted))}


def size(clauses: Any) -> dict[str, int]:
    return {"documents": len(set(clauses["document"])), "clauses": len(clauses)}


def count(clauses: Any) -> str:
    return f"{len(clauses):,} clauses of {size(clauses)['documents']:,} documents"


def say(message: str, start: float | None = None) -> None:
    """Progress goes to standard error, a line a step, so that it reads the same on a terminal and in a log."""
    print(message + (f" ({time.perf_counter() - start:.1f} s)" if start else ""), file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)

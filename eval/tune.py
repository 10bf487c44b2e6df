"""Compare settings of the classifier by cross-validation over documents.

python -m eval.tune                             every candidate on the training side of the corpus → reports/tune/
python -m eval.tune --gold gold.jsonl           and each, fitted on all of that side, on other labelled clauses
python -m eval.tune --data mine.csv --only "C=2" --only "C=20"
python -m eval.tune --engine dask --scheduler tcp://host:8786

Nothing of the held-out documents is looked at. A run that was broken off goes on where it stopped.
"""

import argparse
import csv
import hashlib
import io
import json
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from data.errors import InputError, make_folder, replace_file, require_writable, run, say
from data.reading import CORPUS, add_data_arguments, read_clauses, read_from
from data.split import data_sha256, document_groups, halves, text_hashes, with_split
from eval.candidates import candidates
from eval.metrics import bootstrap, confusions, interval, overall
from models.classifier import Settings
from models.engine import add_engine_arguments, engine_of, workers
from models.engine import results as results_of
from models.fitting import Clauses, fit, fitted_pipeline, out_of_fold
from models.storage import versions

OUT = Path("reports/tune")
ROOT = Path(__file__).resolve().parent.parent
FITTING = ("classifier", "compact", "counting", "fitting")  # modules of models/ that a result depends on
HEAD = ["settings", "macro-F1 [95 % interval]", "lead over the default [95 % interval]", "n-grams", "seconds"]


def main() -> None:
    arguments = parse()
    engine = engine_of(arguments)
    for name in ("results.jsonl", "table.csv", "tune.png"):
        require_writable(arguments.out / name)
    chosen = choose(arguments.only)
    clauses = with_split(read_from(arguments) if arguments.data else read_clauses(CORPUS))
    training = halves(clauses)[0]
    gold = read_clauses(arguments.gold) if arguments.gold else None
    if gold is not None and set(text_hashes(gold["text"][:])) & set(text_hashes(training["text"][:])) - {None}:
        raise InputError(f"{arguments.gold} holds clauses that the candidates learn from: confirm on other documents")
    known = {"data": data_sha256(training), "gold": data_sha256(gold) if gold else None} | sources(training)
    keys = {name: key(settings, known) for name, settings in chosen.items()}

    make_folder(arguments.out)
    results = kept(arguments.out / "results.jsonl")
    # A line that a broken run left unfinished goes, so that the next one begins on a line of its own.
    lines = (json.dumps({"key": name, **result}) + "\n" for name, result in results.items())
    replace_file(arguments.out / "results.jsonl", "".join(lines))
    missing = [name for name in chosen if keys[name] not in results]
    say(f"{len(chosen)} candidates on {len(training):,} clauses, {len(chosen) - len(missing)} of them done before")
    groups = document_groups(training)
    work = partial(judge_one, training=training, groups=groups, gold=gold)
    with workers(engine) as pool, (arguments.out / "results.jsonl").open("a", encoding="utf-8") as file:
        done = results_of(pool, work, enumerate((name, chosen[name]) for name in missing))
        for number, (_, result) in enumerate(done, 1):
            results[keys[result["name"]]] = result
            file.write(json.dumps({"key": keys[result["name"]], **result}) + "\n")
            file.flush()
            say(f"  {number}/{len(missing)} {result['name']}: macro-F1 {score(result['held_out']):.4f}")
    report(arguments.out, {name: results[keys[name]] for name in chosen}, arguments.gold)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.tune", description="Compare settings by cross-validation.")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder for the report (default: {OUT})")
    parser.add_argument("--gold", help="labelled clauses that nothing is chosen by, to confirm on")
    parser.add_argument("--only", action="append", metavar="NAME", help="a candidate, repeatable (default: all)")
    add_data_arguments(parser)
    add_engine_arguments(parser)
    return parser.parse_args()


def choose(only: list[str] | None) -> dict[str, Settings]:
    """The candidates named, and always the default."""
    every = candidates()
    names = only or list(every)
    if unknown := [name for name in names if name not in every]:
        raise InputError(f"no candidate {unknown[0]!r}: there are {'; '.join(every)}")
    return {name: every[name] for name in dict.fromkeys(["default", *names])}


def key(settings: Settings, known: dict[str, Any]) -> str:
    """What a result depends on, hashed."""
    content = json.dumps([asdict(settings), known], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def sources(training: Dataset) -> dict[str, Any]:
    """What else a result depends on: independent codes, the code of features and fitting, versions of libraries."""
    files = sorted([*ROOT.glob("features/*.py"), *(ROOT / f"models/{name}.py" for name in FITTING)])
    code = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    coders = hashlib.sha256(json.dumps(training["coders"][:]).encode()).hexdigest()
    return {"coders": coders, "code": code, "versions": versions()}


def kept(path: Path) -> dict[str, dict[str, Any]]:
    """Results of earlier runs; a line that was cut short counts as missing."""
    results = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            result = json.loads(line)
            results[result.pop("key")] = result
        except (ValueError, KeyError, AttributeError):
            continue
    return results


def judge_one(named: tuple[str, Settings], **known: Any) -> dict[str, Any]:
    """`judge` for a candidate and its name."""
    return judge(*named, **known)


def judge(name: str, settings: Settings, training: Dataset, groups: list[int], gold: Dataset | None) -> dict[str, Any]:
    """Confusion matrices by document, of out-of-fold codes and of codes for `gold`."""
    start = time.perf_counter()
    labels = sorted(set(training["label"]))
    counted = Clauses(settings, training["text"][:], training["label"][:], groups, training["coders"][:])
    coded = np.array(labels)[out_of_fold(counted, jobs=1).argmax(axis=1)].tolist()
    result = {
        "name": name,
        "labels": labels,
        "held_out": confusions(training["label"][:], coded, training["document"][:], labels).tolist(),
        "terms": sum(counts.shape[1] for counts in counted.counts),
    }
    if gold is not None:
        on_gold = fitted_pipeline(counted, fit(counted)).predict(gold["text"][:]).tolist()
        every = sorted({*labels, *gold["label"]})
        result["gold"] = confusions(gold["label"][:], on_gold, gold["document"][:], every).tolist()
        result["gold_labels"] = every
    return result | {"seconds": round(time.perf_counter() - start, 1)}


def score(counts: list[Any], labels: list[str] | None = None) -> float:
    """Macro-F1 of confusion matrices by document."""
    total = np.array(counts).sum(axis=0)
    return float(overall(total, labels or [""] * len(total))["macro_f1"])


def with_interval(counts: list[Any], other: list[Any] | None = None) -> tuple[float, list[float]]:
    """Macro-F1, or its lead over that of other codes of the same clauses, with the interval over documents."""

    def drawn(each: list[Any]) -> NDArray[np.float64]:
        return overall(bootstrap(np.array(each)), [""] * len(each[0]))["macro_f1"]

    if other is None:
        return score(counts), interval(drawn(counts), len(counts)) or [np.nan, np.nan]
    return score(counts) - score(other), interval(drawn(counts) - drawn(other), len(counts)) or [np.nan, np.nan]


def report(out: Path, results: dict[str, dict[str, Any]], gold: str | None) -> None:
    """The ranking as a table on standard output, as CSV and as a plot."""
    from eval.plots import plot_ranking

    ranked = sorted(results.items(), key=lambda item: -score(item[1]["held_out"]))
    default = results["default"]["held_out"]
    head = HEAD + ([f"macro-F1 on {gold} [95 % interval]"] if gold else [])
    rows, points = [], []
    for name, result in ranked:
        own, lead = with_interval(result["held_out"]), with_interval(result["held_out"], default)
        row = [name, shown(own), shown(lead, "+.4f"), f"{result['terms']:,}", f"{result['seconds']:.0f}"]
        rows.append(row + ([shown(with_interval(result["gold"]))] if gold else []))
        points.append((name, lead))
    table = Table(box=None, padding=(0, 1))
    for title in head:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    replace_file(out / "table.csv", text.getvalue())
    plot_ranking(points, out / "tune.png")
    say(f"report: {out}/table.csv, tune.png")


def shown(value: tuple[float, list[float]], form: str = ".4f") -> str:
    """`0.9071 [0.8961, 0.9173]`."""
    return f"{value[0]:{form}} [{value[1][0]:{form}}, {value[1][1]:{form}}]"


if __name__ == "__main__":
    run(main)

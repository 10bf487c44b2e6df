"""How fast the classifier is beside its peers, measured in one run: scoring, growth, training, start, memory.

python -m eval.benchmark                                 on the corpus → reports/bench/
python -m eval.benchmark --documents speeches/           on the clauses of documents of yours

Tasks are run in turn, round after round, so that what else the machine does falls on all of them; medians and the
range over the rounds are told. Ratios within a run carry over to other machines, seconds do not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import pyarrow
from datasets import Dataset, disable_progress_bars
from rich.console import Console
from rich.table import Table
from sklearn.pipeline import Pipeline

from data.documents import Document, find, read_documents
from data.errors import InputError, make_folder, replace_file, require_writable, run, say
from data.reading import CORPUS, read_clauses
from data.split import document_groups, halves, with_split
from eval.learning_curve import macro_f1
from eval.peers import PEERS, Peer
from features.segment import segment
from models.classifier import Settings, stance_classifier
from models.fitting import Clauses, fit, fitted_pipeline
from models.scorer import FastScorer
from models.storage import MODEL, load

OUT = Path("reports/bench")
FILES = ("bench.json", "bench.md", "growth.png")
ROUNDS = 5
SAMPLE = 20_000  # clauses scored in a round
SLOW_SAMPLE = 2_000  # by the slow ones
SIZES = (1_000, 10_000, 100_000, 1_000_000)
LONGEST = 30.0  # seconds that the next size of a growth curve may take, by the last one
PAGE = "The ministers met on Friday. They reject the tariffs and urge both sides to talk.\n" * 25
# The peak as Linux counts it of the process alone; ru_maxrss begins with that of the parent.
SCORE = """
texts = ["They reject the tariffs of %d and urge both sides to talk." % number for number in range(20000)]
saved = load(model)
getattr(saved, "pipeline", saved).predict_proba(texts)
import re, resource
try:
    print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
SINGLE = 300  # clauses scored one by one
OURS, OURS_2, PIPELINE = "ours, 1 thread", "ours, 2 threads", "pipeline (scikit-learn)"
# The same from an Arrow array, as a column of Parquet is one: nothing is copied.
ARROW, ARROW_2 = f"{OURS}, from Arrow", f"{OURS_2}, from Arrow"
PROCESSES = "pipeline, joblib, 2 processes"
MAPPED = "pipeline, datasets.map, 2 processes"

SLOW = (PIPELINE, PROCESSES, MAPPED)

Score = Callable[[Any], Any]


def main() -> None:
    arguments = parse()
    for name in FILES:
        require_writable(arguments.out / name)
    disable_progress_bars()
    saved = load(arguments.model, trust=arguments.trust)
    training, held_out = halves(with_split(read_clauses(CORPUS)))
    texts = clauses_of(arguments.documents) if arguments.documents else held_out["text"][:] + training["text"][:]
    say(f"{len(texts):,} clauses of {arguments.documents or CORPUS}")
    peers = fitted_peers(training)
    scorers = all_scorers(saved.pipeline, peers)
    report: dict[str, Any] = {
        "machine": {"processors": os.cpu_count(), "python": sys.version.split()[0]},
        "clauses": {"source": str(arguments.documents or CORPUS), "number": len(texts)},
        "agreement": agreement(saved.pipeline, repeated(texts, SLOW_SAMPLE)),
        "scoring": scoring(scorers, texts, arguments.rounds),
        "limits": limits(texts, arguments.rounds),
        "one_by_one": one_by_one(scorers, texts),
    }
    report["growth"] = growth(scorers, texts, arguments.largest)
    report["training"] = train_all(training, held_out, arguments.rounds)
    report["start"] = starts(arguments.model, arguments.rounds)
    report["memory"] = memory(arguments.model)
    write(arguments.out, report)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmark", description="Measure speed beside peers.")
    parser.add_argument("--model", type=Path, default=MODEL, help=f"the saved model (default: {MODEL})")
    parser.add_argument("--trust", action="store_true", help="open a model that no card vouches for")
    parser.add_argument(
        "--documents", metavar="PATH", help="score the clauses of these documents (default: the corpus)"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each measurement (default: {ROUNDS})")
    parser.add_argument(
        "--largest", type=int, default=SIZES[-1], help=f"clauses of the largest growth step (default: {SIZES[-1]:,})"
    )
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder for the report (default: {OUT})")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.largest < 1:
        parser.error("arguments --rounds and --largest: should be 1 or more")
    return arguments


def clauses_of(source: str) -> list[str]:
    """The clauses of documents, as `annotate` cuts them."""
    documents = [each for each in read_documents(find([source])) if isinstance(each, Document)]
    texts = [clause.text for each in documents for clause in segment(each.text)]
    if not texts:
        raise InputError(f"no clause in {source}: name documents with text")
    return texts


def repeated(texts: list[str], number: int) -> list[str]:
    """So many clauses, the same ones again where there are not as many."""
    return (texts * -(-number // len(texts)))[:number]


def fitted_peers(training: Dataset) -> dict[str, Peer]:
    """Every peer whose library is there, fitted; those that are missing are named."""
    found: dict[str, Peer] = {}
    for name, make in PEERS.items():
        if not make.is_installed():
            say(f"  left out: {name}; requirements-peers.txt installs it")
            continue
        found[name] = make()
        found[name].fit(training["text"][:], training["label"][:])
    return found


def all_scorers(pipeline: Pipeline, peers: dict[str, Peer]) -> dict[str, Score]:
    """What is to be measured: ours, the pipeline in its usual ways, the peers."""
    ours, ours_2 = (FastScorer.from_pipeline(pipeline, n_jobs=jobs, few=0) for jobs in (1, 2))
    scorers: dict[str, Score] = {
        OURS: ours.predict_proba,
        OURS_2: ours_2.predict_proba,
        ARROW: ours.predict_proba,
        ARROW_2: ours_2.predict_proba,
        PIPELINE: pipeline.predict_proba,
        PROCESSES: partial(_in_processes, pipeline),
        MAPPED: partial(_mapped, pipeline),
    }
    return scorers | {name: peer.predict for name, peer in peers.items()}


def _in_processes(pipeline: Pipeline, texts: list[str]) -> Any:
    parts = np.array_split(texts, 2)
    return joblib.Parallel(n_jobs=2)(joblib.delayed(pipeline.predict_proba)(part) for part in parts)


def _mapped(pipeline: Pipeline, texts: list[str]) -> Any:
    options = {"batched": True, "num_proc": 2, "load_from_cache_file": False}
    return Dataset.from_dict({"text": texts}).map(_score_batch, fn_kwargs={"pipeline": pipeline}, **options)


def _score_batch(batch: dict[str, list[str]], pipeline: Pipeline) -> dict[str, Any]:
    return {"probabilities": pipeline.predict_proba(batch["text"]).tolist()}


def agreement(pipeline: Pipeline, texts: list[str]) -> dict[str, Any]:
    """How far our scorer is from the pipeline."""
    ours, theirs = FastScorer.from_pipeline(pipeline, few=0).predict_proba(texts), pipeline.predict_proba(texts)
    return {
        "clauses": len(texts),
        "largest_difference": float(np.abs(ours - theirs).max()),
        "labels_that_differ": int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum()),
    }


def in_turn(tasks: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each task in every round, all tasks in turn; a first round warms up and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": median(values), "lowest": min(values), "highest": max(values)}


def scoring(scorers: dict[str, Score], texts: list[str], rounds: int) -> dict[str, Any]:
    """Clauses a second, on samples of a size that each can do in a moment."""
    say("scoring")
    samples = {name: repeated(texts, SLOW_SAMPLE if name in SLOW else SAMPLE) for name in scorers}
    given = {name: pyarrow.array(each) if name in (ARROW, ARROW_2) else each for name, each in samples.items()}
    seconds = in_turn({name: partial(score, given[name]) for name, score in scorers.items()}, rounds)
    return {name: spread([len(samples[name]) / each for each in values]) for name, values in seconds.items()}


def limits(texts: list[str], rounds: int) -> dict[str, Any]:
    """What no scorer of this text could outrun, in clauses a second: copying it, reading it, cutting and hashing it."""
    from eval.roofline import copy, read, split_and_hash

    sample = repeated(texts, SAMPLE)
    data = np.frombuffer("\n".join(sample).encode(), np.uint8)
    seconds = in_turn(
        {"copy": partial(copy, data), "read": partial(read, data), "split and hash": partial(split_and_hash, data)},
        rounds,
    )
    return {name: spread([len(sample) / each for each in values]) for name, values in seconds.items()}


def one_by_one(scorers: dict[str, Score], texts: list[str]) -> dict[str, Any]:
    """Microseconds for one clause alone, in half and in all but one of a hundred cases."""
    say("one clause at a time")
    found = {}
    for name, score in scorers.items():
        if name in (OURS_2, ARROW, ARROW_2, PROCESSES, MAPPED):
            continue
        seconds = []
        for text in repeated(texts, SINGLE):
            start = time.perf_counter()
            score([text])
            seconds.append(time.perf_counter() - start)
        low, high = np.quantile(seconds[SINGLE // 10 :], [0.5, 0.99]) * 1e6
        found[name] = {"p50": float(low), "p99": float(high)}
    return found


def growth(scorers: dict[str, Score], texts: list[str], largest: int) -> dict[str, list[dict[str, float]]]:
    """Seconds for ever more clauses, until the next step would take too long."""
    say("growth")
    curves: dict[str, list[dict[str, float]]] = {}
    for name, score in scorers.items():
        if name in (ARROW, ARROW_2):
            continue
        points: list[dict[str, float]] = []
        for size in (size for size in SIZES if size <= largest):
            if points and points[-1]["seconds"] * size / points[-1]["clauses"] > LONGEST:
                break
            sample = repeated(texts, size)
            start = time.perf_counter()
            score(sample)
            points.append({"clauses": size, "seconds": time.perf_counter() - start})
        curves[name] = points
    return curves


def train_all(training: Dataset, held_out: Dataset, rounds: int) -> dict[str, Any]:
    """Seconds to learn from the same clauses, and macro-F1 on the held-out ones."""
    say("training")
    texts, labels, groups = training["text"][:], training["label"][:], document_groups(training)
    gold = np.array(held_out["label"][:])

    def ours() -> Score:
        counted = Clauses(Settings(), texts, labels, groups)
        return FastScorer.from_pipeline(fitted_pipeline(counted, fit(counted)), few=0).predict

    def plain() -> Score:
        return FastScorer.from_pipeline(stance_classifier().fit(texts, labels), few=0).predict

    def of_peer(make: type[Peer]) -> Score:
        peer = make()
        peer.fit(texts, labels)
        return peer.predict

    makers: dict[str, Callable[[], Score]] = {"ours": ours, "pipeline.fit": plain}
    makers |= {name: partial(of_peer, make) for name, make in PEERS.items() if make.is_installed()}
    found: dict[str, Any] = {}
    scores = {name: macro_f1(gold, np.array(make()(held_out["text"][:]))) for name, make in makers.items()}
    seconds = in_turn(dict(makers), max(2, rounds // 2))
    for name, values in seconds.items():
        found[name] = {"seconds": spread(values), "macro_f1": scores[name]}
    return found


def starts(model: Path, rounds: int) -> dict[str, Any]:
    """Seconds of whole processes: the interpreter alone, a page coded, help; and of loading a model."""
    say("start-up")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.txt")
        page.write_text(PAGE, "utf-8")
        annotate = ["-m", "models.annotate", "--model", str(model)]
        arrays = f"from models.storage import load_scorer; from pathlib import Path; load_scorer(Path({str(model)!r}))"
        commands = {
            "interpreter": ["-c", "pass"],
            "annotate a page": [*annotate, str(page)],
            "annotate a page, --scorer sklearn": [*annotate, "--scorer", "sklearn", str(page)],
            "annotate --help": ["-m", "models.annotate", "--help"],
            "load the arrays": ["-c", arrays],
            "joblib.load": ["-c", f"import joblib; joblib.load({str(model)!r})"],
        }
        seconds = in_turn({name: partial(_process, command) for name, command in commands.items()}, rounds)
    return {name: spread(values) for name, values in seconds.items()}


def _process(command: list[str]) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    return done.stdout


def memory(model: Path) -> dict[str, float]:
    """Peak MB of a process that scores twenty thousand clauses."""
    say("memory")
    ours = f"from models.storage import load_scorer as load; from pathlib import Path; model = Path({str(model)!r})\n"
    theirs = f"from joblib import load; model = {str(model)!r}\n"
    return {name: float(_process(["-c", code + SCORE])) for name, code in ((OURS, ours), (PIPELINE, theirs))}


def tables_of(report: dict[str, Any]) -> list[Table]:
    """The report as tables."""
    single, start, training = report["one_by_one"], report["start"], report["training"]
    cells = {name: (f"{each['p50']:,.0f}", f"{each['p99']:,.0f}") for name, each in single.items()}
    learnt = {name: (told(each["seconds"], 1), f"{each['macro_f1']:.3f}") for name, each in training.items()}
    peak = {name: (f"{each:,.0f}",) for name, each in report["memory"].items()}
    return [
        scoring_table(report),
        simple_table("One clause at a time", ("", "p50, µs", "p99, µs"), cells),
        simple_table("Training", ("", "seconds [range]", "macro-F1"), learnt),
        simple_table("Processes", ("", "seconds [range]"), {name: (told(each, 2),) for name, each in start.items()}),
        simple_table("Peak memory of scoring 20,000 clauses", ("", "MB"), peak),
    ]


def write(out: Path, report: dict[str, Any]) -> None:
    """Write and show the report."""
    from eval.plots import plot_growth_of_time

    make_folder(out)
    replace_file(out / "bench.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    plot_growth_of_time(report["growth"], out / "growth.png")
    tables = tables_of(report)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    for table in tables:
        console.print(table)
        console.print()
    replace_file(out / "bench.md", "\n".join(map(as_markdown, tables)))
    differ = report["agreement"]
    far, labels = differ["largest_difference"], differ["labels_that_differ"]
    say(f"ours and the pipeline: probabilities differ by {far:.1e} at most, {labels} labels")
    say(f"report: {out}/{', '.join(FILES)}")


def scoring_table(report: dict[str, Any]) -> Table:
    """Clauses a second and ratios to the pipeline, with what bounds them."""
    rates = report["scoring"] | {f"limit: {name}": each for name, each in report["limits"].items()}
    base = report["scoring"][PIPELINE]["median"]
    rows = {name: (told(each, 0), f"{each['median'] / base:,.1f}") for name, each in rates.items()}
    return simple_table("Scoring", ("", "clauses a second [range]", "× pipeline"), rows)


def simple_table(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    """A table of named rows."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=True)
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def told(each: dict[str, float], decimals: int) -> str:
    """Median and range as text."""
    return f"{each['median']:,.{decimals}f} [{each['lowest']:,.{decimals}f}, {each['highest']:,.{decimals}f}]"


def as_markdown(table: Table) -> str:
    """A table for people who read it elsewhere."""
    columns = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    lines = [f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True)]
    return "\n".join([f"## {table.title}", "", lines[0], "|" + "---|" * len(columns), *lines[1:], ""])


if __name__ == "__main__":
    run(main)

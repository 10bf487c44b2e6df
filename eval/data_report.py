"""Describe labelled clauses: counts, agreement of the coders, lengths, vocabulary, and what more documents would bring.

python -m eval.data_report                        the corpus → reports/data/index.html
python -m eval.data_report --data gold.jsonl      and the learning curve on gold.jsonl too
"""

import argparse
import base64
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from datasets import Dataset

from data.errors import make_folder, replace_file, require_writable, run, say
from data.reading import CORPUS, add_data_arguments, read_clauses, read_from
from data.rows import CODES
from data.split import document_groups, text_hashes
from eval.agreement import alpha, alpha_by, coder_confusion
from eval.judged import without_known
from eval.learning_curve import Split, learning_curve
from eval.report import shown_safely
from models.classifier import Settings
from models.fitting import Clauses, grouped_folds
from models.outputs import harmless

OUT = Path("reports/data")
FOLDS = 5
CURVE = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
SEED = 0
OTHERS = "other documents of the corpus"
TOPICS = 60
TEMPLATE = Path(__file__).with_name("data_report.html.jinja")

Table = tuple[list[str], list[list[Any]]]


def main() -> None:
    arguments = parse()
    require_writable(arguments.out / "index.html")
    clauses = read_clauses(CORPUS, labels=CODES)
    gold = None
    if arguments.data:
        gold = without_known(read_from(arguments), {each for each in text_hashes(clauses["text"][:]) if each})

    tables = {
        "registers": by_field(clauses, "register"),
        "topics": by_field(clauses, "topic", TOPICS),
        "split": by_field(clauses, "split"),
        "agreement": agreement(clauses),
        "coders": coders(clauses),
        "lengths": lengths(clauses),
    }
    growth = vocabulary_growth(clauses["text"][:])
    say("learning curve: fits for seven shares of the documents in each of five folds")
    points = curve(clauses, gold, arguments.data, arguments.jobs)
    tables["learning curve"] = curve_table(points)

    from eval.plots import plot_growth, plot_learning_curve, plot_lengths, plot_shares

    pictures: dict[str, Callable[[Path], None]] = {
        "registers": lambda path: plot_shares(tables["registers"], path),
        "lengths": lambda path: plot_lengths(words_by_register(clauses), path),
        "vocabulary": lambda path: plot_growth(growth, path),
        "learning curve": lambda path: plot_learning_curve(points, path),
    }
    write(arguments.out, clauses, tables, pictures, growth, points)
    documents, overall = len(set(clauses["document"])), tables["agreement"][1][0]
    print(f"{len(clauses):,} clauses of {documents:,} documents; Krippendorff's alpha {overall[2]}")
    print(f"report: {arguments.out}/index.html")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.data_report", description="Describe the corpus.")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder for the report (default: {OUT})")
    parser.add_argument("--jobs", type=int, default=-1, help="processes for the learning curve (default: all cores)")
    add_data_arguments(parser)
    return parser.parse_args()


def by_field(clauses: Dataset, field: str, most: int | None = None) -> Table:
    """Documents, clauses and shares of the codes for every value of a field, the largest first."""
    documents: dict[str, set[str]] = {}
    codes: dict[str, Counter[str]] = {}
    for value, document, label in zip(clauses[field], clauses["document"], clauses["label"], strict=True):
        documents.setdefault(str(value), set()).add(document)
        codes.setdefault(str(value), Counter())[label] += 1
    rows = [
        [value, len(documents[value]), counts.total(), *(f"{counts[code] / counts.total():.0%}" for code in CODES)]
        for value, counts in sorted(codes.items(), key=lambda item: (-item[1].total(), item[0]))
    ]
    total = Counter(clauses["label"])
    shares = [f"{total[code] / total.total():.1%}" for code in CODES]
    rows = [*rows[:most], ["all", len(set(clauses["document"])), len(clauses), *shares]]
    return [field, "documents", "clauses", *CODES], rows


def agreement(clauses: Dataset) -> Table:
    """Krippendorff's alpha between the independent codes, overall and by register."""
    codings, registers = clauses["coders"][:], clauses["register"][:]
    twice = Counter(register for register, codes in zip(registers, codings, strict=True) if codes and len(codes) > 1)
    same = Counter(
        register
        for register, codes in zip(registers, codings, strict=True)
        if codes and len(codes) > 1 and len(set(codes)) == 1
    )
    rows = [["all", twice.total(), shown(alpha(codings)), share(same.total(), twice.total())]]
    for register, value in alpha_by(registers, codings).items():
        rows.append([register, twice[register], shown(value), share(same[register], twice[register])])
    return ["register", "clauses coded twice", "Krippendorff's alpha", "same code"], rows


def coders(clauses: Dataset) -> Table:
    """How often one coder said the row's code and the next the column's."""
    confusion = coder_confusion(clauses["coders"][:], CODES) or []
    return ["first coder \\ second", *CODES], [[code, *row] for code, row in zip(CODES, confusion, strict=False)]


def words_by_register(clauses: Dataset) -> dict[str, list[int]]:
    """The number of words of every clause, register by register."""
    words: dict[str, list[int]] = {}
    for register, text in zip(clauses["register"], clauses["text"], strict=True):
        words.setdefault(str(register), []).append(len(text.split()))
    return dict(sorted(words.items()))


def lengths(clauses: Dataset) -> Table:
    """Words per clause and clauses per document."""
    per_document = Counter(clauses["document"])
    in_register: dict[str, set[str]] = {}
    for register, document in zip(clauses["register"], clauses["document"], strict=True):
        in_register.setdefault(str(register), set()).add(document)
    rows = []
    for register, words in words_by_register(clauses).items():
        low, quarter, middle, three_quarters, high = np.percentile(words, [0, 25, 50, 75, 100]).astype(int).tolist()
        size = np.median([per_document[document] for document in in_register[register]])
        rows.append([register, low, quarter, middle, three_quarters, high, int(size)])
    heads = ["register", "shortest", "quarter", "median words per clause", "three quarters", "longest"]
    return [*heads, "median clauses per document"], rows


def vocabulary_growth(texts: list[str]) -> list[tuple[int, int]]:
    """Running words and distinct words, clause by clause in an order drawn once (Heaps' law)."""
    seen: set[str] = set()
    running, points = 0, []
    for index in np.random.default_rng(SEED).permutation(len(texts)):
        words = re.findall(r"\w+", texts[index].lower())
        seen.update(words)
        running += len(words)
        points.append((running, len(seen)))
    step = max(1, len(points) // 200)
    return points[::step] + points[-1:]


def curve(clauses: Dataset, gold: Dataset | None, name: str, jobs: int) -> list[dict[str, Any]]:
    """The learning curve by grouped cross-validation, on other documents of the corpus and on gold, if there is any."""
    texts, labels = clauses["text"][:], clauses["label"][:]
    documents = [str(group) for group in document_groups(clauses)]
    if gold:
        texts, labels = texts + gold["text"][:], labels + gold["label"][:]
        documents += [f"gold {each}" for each in gold["document"]]
    counted = Clauses(Settings(), texts, labels, documents)
    rows = np.arange(len(clauses))
    of_gold = {name: np.arange(len(clauses), len(texts))} if gold else {}
    splits = [
        Split(train, {OTHERS: test} | of_gold, seed)
        for seed, (train, test) in enumerate(grouped_folds(counted.labels[rows], counted.groups[rows], FOLDS, SEED))
    ]
    return learning_curve(counted, splits, CURVE, jobs)


def curve_table(curve: list[dict[str, Any]]) -> Table:
    """The learning curve as means and standard deviations."""
    names = list(curve[0]["scores"])
    rows: list[list[Any]] = [
        [point["documents"], point["clauses"], *(spread(point["scores"][name]) for name in names)] for point in curve
    ]
    return ["documents", "clauses", *(f"macro-F1 on {name}" for name in names)], rows


def spread(scores: list[float]) -> str:
    """Mean and standard deviation over the folds."""
    return f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}"


def shown(value: float | None) -> str:
    """Three decimals, or `n/a`."""
    return "n/a" if value is None else f"{value:.3f}"


def share(part: int, whole: int) -> str:
    """A percentage, or `n/a` of nothing."""
    return f"{part / whole:.1%}" if whole else "n/a"


def write(
    out: Path,
    clauses: Dataset,
    tables: dict[str, Table],
    pictures: dict[str, Callable[[Path], None]],
    growth: list[tuple[int, int]],
    points: list[dict[str, Any]],
) -> None:
    make_folder(out)
    images = {}
    for name, draw in pictures.items():
        path = out / f"{name.replace(' ', '_')}.png"
        draw(path)
        images[name] = base64.b64encode(path.read_bytes()).decode()
    for name, (head, rows) in tables.items():
        text = io.StringIO()
        csv.writer(text).writerows([map(harmless, row) for row in [head, *rows]])
        replace_file(out / f"{name.replace(' ', '_')}.csv", text.getvalue())
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=shown_safely)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        clauses=len(clauses), documents=len(set(clauses["document"])), tables=tables, images=images
    )
    replace_file(out / "index.html", page)
    report = {"tables": tables, "vocabulary_growth": growth, "learning_curve": points}
    replace_file(out / "data.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    run(main)

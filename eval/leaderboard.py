"""Codings of the same clauses beside each other, without a report on each: several models, or somebody's codes."""

import argparse
import json
from pathlib import Path
from typing import Any

from data.errors import InputError, make_folder, replace_file, require_writable, say
from data.reading import read_clauses
from eval.baselines import majority
from eval.compare import compare
from eval.judged import COLUMNS, choose, learnt_clauses, ordered, other_codes, trained_on, without_known
from eval.metrics import evaluate
from eval.report import Section, lead_section, score_section, shown, write_sections
from eval.terminal import show
from models.storage import load_scorer

OUT = Path("reports/leaderboard")
FILES = ("index.html", "report.md", "metrics.json", "codes.png")


def rank_models(arguments: argparse.Namespace) -> None:
    """Rank the models of `--models` by macro-F1 and compare the best with every other one.

    They are judged on `--data`, else on the held-out documents of the first; documents that any of them learnt from
    are left out.
    """
    out = arguments.out or OUT
    require_all(out)
    saved = {str(path): load_scorer(path, trust=arguments.trust, n_jobs=-1) for path in arguments.models}
    arguments.model = arguments.models[0]
    first = saved[str(arguments.model)]
    known = [str(label) for label in first.pipeline.classes_]
    for name, each in saved.items():
        if [str(label) for label in each.pipeline.classes_] != known:
            raise InputError(
                f"{name} gives other codes than {arguments.model} ({', '.join(known)}): compare like models"
            )
    judged = choose(arguments, first.card, known, None if arguments.data else learnt_clauses(first.card))
    clauses = judged.clauses
    for each in saved.values():
        clauses = without_known(clauses, trained_on(each.card))
    texts, gold, documents = (clauses[name][:] for name in ("text", "label", "document"))
    say(f"judging {len(saved)} models on {len(gold):,} clauses of {len(set(documents)):,} documents: {judged.part}")
    codings = {name: [str(code) for code in each.pipeline.predict(texts)] for name, each in saved.items()}
    about = {"data": {"source": judged.source, "part": judged.part}}
    publish(out, f"{len(saved)} models on {judged.source}: {judged.part}", about, gold, codings, documents)


def score_codes(arguments: argparse.Namespace) -> None:
    """Score the codes of `--pred` against those of `--gold`, without a model."""
    out = arguments.out or Path("reports") / f"{arguments.pred.stem}-on-{arguments.gold.stem}"
    require_all(out)
    columns = {name: getattr(arguments, name) for name in COLUMNS}
    clauses = read_clauses(arguments.gold, **columns)
    gold, documents = clauses["label"][:], clauses["document"][:]
    codings = {str(arguments.pred): other_codes(arguments.pred, clauses, None, arguments.trust, columns)}
    about = {"gold": str(arguments.gold), "pred": str(arguments.pred)}
    publish(out, f"{arguments.pred} on {arguments.gold}", about, gold, codings, documents)


def require_all(out: Path) -> None:
    """Raise InputError when a result could not be written to `out`."""
    for name in FILES:
        require_writable(out / name)


def publish(
    out: Path,
    title: str,
    about: dict[str, Any],
    gold: list[str],
    codings: dict[str, list[str]],
    documents: list[str],
) -> None:
    """Write and show the scores of codings of the same clauses, the best first, and its lead over the others."""
    from eval.plots import plot_codes

    codings = codings | {"majority": majority(gold)}
    labels = ordered(sorted({*gold, *(code for coded in codings.values() for code in coded)}))
    scores = {name: evaluate(gold, coded, documents, labels) for name, coded in codings.items()}
    scores = dict(sorted(scores.items(), key=lambda item: -item[1]["macro_f1"]["value"]))
    best = next(iter(scores))
    comparisons = compare(gold, {name: codings[name] for name in scores}, documents, labels)
    make_folder(out)
    plot_codes({name: each["per_label"] for name, each in scores.items()}, labels, title, out / "codes.png")
    head = ["code", "precision", "recall", "F1", "clauses"]
    rows = [
        [label, *(shown(each[name]) for name in ("precision", "recall", "f1")), f"{each['support']:,}"]
        for label, each in scores[best]["per_label"].items()
    ]
    codes = Section("Code by code", f"The codes of {best}; in the picture those of all.", head, rows, "codes.png")
    write_sections(out, title, [score_section(scores, scores[best]), lead_section(comparisons, best), codes])
    report = about | {"labels": labels, "scores": scores, "comparisons": comparisons}
    replace_file(out / "metrics.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    show(scores, comparisons, labels)
    say(f"report: {out}/{', '.join(FILES)}")

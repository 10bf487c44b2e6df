"""Judge a saved model on clauses that it has not seen.

python -m eval                                          the held-out split of the data that the model learnt from
python -m eval --data gold.jsonl --label-map con=oppose,pro=support
python -m eval --data gold.jsonl --documents texts/     end to end too: are whole documents cut and coded as gold has it
python -m eval --models a.joblib b.joblib               a leaderboard
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from data.errors import InputError, make_folder, replace_file, require_writable, run, say
from data.reading import add_data_arguments
from data.rows import CODES
from data.split import data_sha256, halves, with_split
from eval.actor_swap import actor_swap
from eval.agreement import coder_confusion, on_one_scale
from eval.baselines import cue_lexicon, majority, simpler_classifiers, stratified_guess
from eval.behaviour import behaviour
from eval.compare import compare
from eval.documents import judge_documents
from eval.judged import Judged, choose, learnt_clauses, ordered, other_codes
from eval.leaderboard import rank_models, score_codes
from eval.leakage import grouped_and_random, overlap
from eval.learning_curve import Split, learning_curve, power_law
from eval.metrics import average_precision, calibration, evaluate, risk_coverage
from eval.mistakes import as_csv, by_pair, mistakes, nearest
from eval.model_card import card_path, model_card
from eval.quantification import quantification
from eval.report import write_report
from eval.slices import slices
from eval.terminal import show, show_trust
from models.classifier import Settings, settings_of
from models.explain import Explainer
from models.fitting import Clauses, weigh
from models.outputs import json_line
from models.scorer import FastScorer
from models.storage import MODEL, Saved, load

TOP_TERMS = 15
HELD_OUT = "documents judged"
REPEATS = 3
FILES = (
    "index.html",
    "report.md",
    "metrics.json",
    "mistakes.jsonl",
    "mistakes.csv",
    "codes.png",
    "confusion.png",
    "learning_curve.png",
    "reliability.png",
    "risk_coverage.png",
    "slices.png",
    "top_terms.png",
)


def main() -> None:
    arguments = parse()
    if arguments.pred:
        score_codes(arguments)
    elif arguments.models:
        rank_models(arguments)
    else:
        judge_model(arguments)


def judge_model(arguments: argparse.Namespace) -> None:
    """Everything that is known about one model, as a report."""
    saved = load(arguments.model, trust=arguments.trust)
    out = arguments.out or default_out(arguments.model, arguments.data)
    for name in FILES:
        require_writable(out / name)

    learnt = None if arguments.data and arguments.fast else learnt_clauses(saved.card)
    known = [str(label) for label in saved.pipeline.classes_]
    judged = choose(arguments, saved.card, known, learnt)
    gold, texts, documents = (judged.clauses[name][:] for name in ("label", "text", "document"))
    labels = ordered(known)
    say(f"judging {arguments.model} on {len(gold):,} clauses of {len(set(documents)):,} documents: {judged.part}")

    scorer: Any = (
        saved.pipeline if arguments.scorer == "sklearn" else FastScorer.from_pipeline(saved.pipeline, n_jobs=-1)
    )
    probabilities = scorer.predict_proba(texts)
    codings = {"model": np.array(known)[probabilities.argmax(axis=1)].tolist()}
    for path in arguments.compare:
        codings[str(path)] = other_codes(path, judged.clauses, labels, arguments.trust)
    if set(labels) <= set(CODES):
        codings["cue lexicon"] = cue_lexicon(texts)
        labels = [code for code in CODES if code in {*labels, *codings["cue lexicon"]}]
    training = None if learnt is None or arguments.fast else halves(with_split(learnt))[0]
    if training is not None:
        start = time.perf_counter()
        for name, predict in simpler_classifiers(training["text"][:], training["label"][:]).items():
            codings[name] = predict(texts)
        codings["guess by frequency"] = stratified_guess(training["label"][:], len(gold))
        say("  fitted simpler classifiers to compare with", start)
    codings["majority"] = majority(gold)

    start = time.perf_counter()
    scores = {name: evaluate(gold, coded, documents, labels) for name, coded in codings.items()}
    report: dict[str, Any] = {
        "model": {
            "file": str(arguments.model),
            "sha256": saved.card.get("sha256", {}).get(arguments.model.name),
            "scorer": arguments.scorer,
        },
        "data": {"source": judged.source, "part": judged.part, "sha256": data_sha256(judged.clauses)},
        "labels": labels,
        "scores": scores,
        "comparisons": compare(gold, codings, documents, labels),
        "average_precision": average_precision(probabilities, gold, documents, known),
        "calibration": calibration(probabilities, gold, documents, known),
        "abstention": risk_coverage(probabilities, gold, known),
    }
    report["reliability"] = on_one_scale(judged.clauses["coders"][:], codings["model"], gold)
    report["coder_confusion"] = coder_confusion(judged.clauses["coders"][:], labels)
    report["shares"] = quantification(codings["model"], gold, documents, known, saved.card.get("confusion"))
    report["slices"] = slices(judged.clauses, codings["model"], probabilities.max(axis=1), labels)
    if set(known) == set(CODES):
        report["behaviour"] = behaviour(scorer.predict_proba, known)
        report["actor_swap"] = actor_swap(scorer.predict_proba, texts, documents, known)
    if arguments.documents:
        report["documents"] = judge_documents(
            scorer.predict,
            arguments.documents,
            arguments.data,
            labels,
            arguments.label_map,
            set(documents),
            arguments.label_column,
            arguments.document_column,
        )
    wrong = mistakes(saved.pipeline, judged.clauses, codings["model"], probabilities)
    support = {label: each["support"] for label, each in scores["model"]["per_label"].items()}
    report["mistakes_by_pair"] = by_pair(wrong, support)
    say("  scores, intervals, slices, behaviour, mistakes", start)
    if training is not None and (settings := settings_of(saved.card)):
        report |= study(settings, training, judged, wrong)
    write(out, report, saved, [{name: each[name] for name in each if name != "row"} for each in wrong])
    show(scores, report["comparisons"], labels)
    show_trust(report)
    say(f"report: {out}/{', '.join(name for name in FILES if (out / name).exists())}")
    if arguments.data is None and training is not None:
        path = card_path(arguments.model)
        replace_file(path, model_card(report, saved.card))
        say(f"model card: {path}")


def study(settings: Settings, training: Dataset, judged: Judged, wrong: list[dict[str, Any]]) -> dict[str, Any]:
    """What only new fits of the same settings tell: leakage, the learning curve, and the doubles of the mistakes.

    The nearest training clause is added to each of `wrong`.
    """
    start = time.perf_counter()
    texts = [*training["text"][:], *judged.clauses["text"][:]]
    labels = [*training["label"][:], *judged.clauses["label"][:]]
    documents = training["document"][:]
    sides = [*(f"training {name}" for name in documents), *(f"judged {name}" for name in judged.clauses["document"])]
    clauses = Clauses(settings, texts, labels, sides, [*training["coders"][:], *judged.clauses["coders"][:]])
    train, held_out = np.arange(len(training)), np.arange(len(training), len(texts))
    rows = held_out[[each["row"] for each in wrong]]
    for each, double in zip(wrong, nearest(weigh(clauses, train), clauses, texts, train, rows), strict=True):
        each["nearest"] = double
    found: dict[str, Any] = {"leakage": {"overlap": overlap(training, judged.clauses)}}
    try:
        found["leakage"]["cross_validation"] = grouped_and_random(clauses, train, documents)
        say("  leakage: overlap, and cross-validation over documents and over clauses", start)
        start = time.perf_counter()
        splits = [Split(train, {HELD_OUT: held_out}, seed) for seed in range(REPEATS)]
        curve = learning_curve(clauses, splits)
    except InputError as error:  # a part of few documents may lack n-grams or labels
        say(f"  left out, too few documents: cross-validation or learning curve ({error})")
        return found
    law = power_law([point["documents"] for point in curve], [point["scores"][HELD_OUT] for point in curve])
    say("  learning curve", start)
    return found | {"learning_curve": {"points": curve, "power_law": law}}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval", description="Judge a saved model on clauses it has not seen."
    )
    parser.add_argument("--model", type=Path, default=MODEL, help=f"the saved model (default: {MODEL})")
    parser.add_argument("--trust", action="store_true", help="open a model that no card vouches for")
    parser.add_argument(
        "--out", type=Path, help="folder for the report (default: reports/MODEL or reports/MODEL-on-DATA)"
    )
    parser.add_argument(
        "--compare",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="another saved model, or a file of somebody's codes of the same clauses; repeatable",
    )
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a leaderboard of these models instead of a report on one",
    )
    parser.add_argument(
        "--scorer", choices=("fast", "sklearn"), default="fast", help="the same numbers, compiled or by scikit-learn"
    )
    parser.add_argument("--gold", type=Path, metavar="FILE", help="with --pred: gold codes, no model")
    parser.add_argument("--pred", type=Path, metavar="FILE", help="with --gold: somebody's codes of these clauses")
    parser.add_argument(
        "--fast",
        action="store_true",
        help="nothing that needs fitting: no simpler classifiers, leakage, learning curve",
    )
    parser.add_argument(
        "--documents",
        type=Path,
        metavar="FOLDER",
        help="whole texts NAME.txt, whose clauses --data gives as document, start, end, label: judged end to end",
    )
    add_data_arguments(parser)
    arguments = parser.parse_args()
    if bool(arguments.gold) != bool(arguments.pred):
        parser.error("arguments --gold and --pred: give both, gold codes and the codes to score")
    if arguments.documents and arguments.data is None:
        parser.error("argument --documents: --data should name the gold clauses of these documents")
    return arguments


def default_out(model: Path, data: str | None) -> Path:
    if data is None:
        return Path("reports") / model.stem
    return Path("reports") / f"{model.stem}-on-{Path(data.removeprefix('hub:').replace(':', '-')).stem}"


def write(out: Path, report: dict[str, Any], saved: Saved, wrong: list[dict[str, Any]]) -> None:
    from eval import plots

    make_folder(out)
    for name in ("learning_curve", "slices"):  # not every run has them, and those of another are none of its own
        for form in (".png", ".svg"):
            (out / name).with_suffix(form).unlink(missing_ok=True)
    scores, labels = report["scores"], report["labels"]
    title = f"{report['model']['file']} on {report['data']['source']}: {report['data']['part']}"
    confusions = {"gold code by code of the model": scores["model"]["confusion"]}
    if report["coder_confusion"]:
        confusions["first coder by second coder"] = report["coder_confusion"]
    plots.plot_confusion(confusions, labels, title, out / "confusion.png")
    plots.plot_codes({name: each["per_label"] for name, each in scores.items()}, labels, title, out / "codes.png")
    plots.plot_reliability(report["calibration"], title, out / "reliability.png")
    plots.plot_risk_coverage(report["abstention"], title, out / "risk_coverage.png")
    explainer = Explainer(saved.pipeline)
    terms = {
        label: explainer.top_terms(label, TOP_TERMS)
        for label in ordered([str(each) for each in saved.pipeline.classes_])
    }
    plots.plot_top_terms(terms, f"What speaks for each code: {report['model']['file']}", out / "top_terms.png")
    if report["slices"]:
        plots.plot_slices(report["slices"], scores["model"]["macro_f1"]["value"], title, out / "slices.png")
    if "learning_curve" in report:
        curve = report["learning_curve"]
        plots.plot_learning_curve(curve["points"], out / "learning_curve.png", {HELD_OUT: curve["power_law"]})
    replace_file(out / "mistakes.jsonl", "".join(map(json_line, wrong)))
    replace_file(out / "mistakes.csv", as_csv(wrong))
    write_report(out, report, wrong)
    replace_file(out / "metrics.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    warnings.showwarning = lambda message, *_: say(f"warning: {message}")
    run(main)

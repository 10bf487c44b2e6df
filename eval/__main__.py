"""Judge a saved model on clauses that it has not seen.

python -m eval                                          the held-out split of the data that the model learnt from
python -m eval --data gold.jsonl --label-map con=oppose,pro=support
python -m eval --data gold.jsonl --documents texts/     end to end too: are whole documents cut and coded as gold has it
"""

import argparse
import csv
import io
import json
import sys
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sklearn.pipeline import Pipeline

from data.errors import InputError, make_folder, replace_file, require_writable, run, say, shorten, visible
from data.reading import add_data_arguments, read_clauses, read_from
from data.rows import CODES, NO_POSITION
from data.split import data_sha256, halves, text_hashes, with_split
from eval.actor_swap import actor_swap
from eval.agreement import on_one_scale
from eval.baselines import cue_lexicon, majority, simpler_classifiers, stratified_guess
from eval.behaviour import behaviour
from eval.compare import compare
from eval.documents import judge_documents
from eval.metrics import average_precision, calibration, evaluate, risk_coverage
from eval.report import shown, write_report
from eval.slices import slices
from models.explain import Explainer
from models.outputs import harmless, json_line, told
from models.shares import corrected, counted, simulate
from models.storage import MODEL, load

TOP_TERMS = 15
FILES = (
    "index.html",
    "report.md",
    "metrics.json",
    "mistakes.jsonl",
    "mistakes.csv",
    "confusion.png",
    "top_terms.png",
    "reliability.png",
    "risk_coverage.png",
)
WEAKEST = 5
PIPE_WIDTH = 150  # characters of a table that no terminal limits
REASONS = 6  # n-grams named for each mistake
COLUMNS = ("text_column", "label_column", "document_column", "topic_column", "label_map", "ignore_columns")
# A document of which this share was learnt from is no test, whatever it is called now.
KNOWN_SHARE = 0.5


class Judged(NamedTuple):
    """The clauses that a model is judged on, and in a word what they are."""

    clauses: Dataset
    source: str
    part: str


def main() -> None:
    arguments = parse()
    if arguments.pred:
        judge_codes(arguments)
        return
    saved = load(arguments.model, trust=arguments.trust)
    out = arguments.out or default_out(arguments.model, arguments.data)
    for name in FILES:
        require_writable(out / name)

    learnt = None if arguments.data and arguments.fast else learnt_clauses(saved.card)
    judged = choose(arguments, saved.card, [str(label) for label in saved.pipeline.classes_], learnt)
    gold, texts, documents = (judged.clauses[name][:] for name in ("label", "text", "document"))
    labels = ordered([str(label) for label in saved.pipeline.classes_])
    say(f"judging {arguments.model} on {len(gold):,} clauses of {len(set(documents)):,} documents: {judged.part}")

    known = [str(label) for label in saved.pipeline.classes_]
    probabilities = saved.pipeline.predict_proba(texts)
    codings = {"model": np.array(known)[probabilities.argmax(axis=1)].tolist()}
    for path in arguments.compare:
        codings[str(path)] = other_codes(path, judged.clauses, labels, arguments.trust)
    if set(labels) <= set(CODES):
        codings["cue lexicon"] = cue_lexicon(texts)
        labels = [code for code in CODES if code in {*labels, *codings["cue lexicon"]}]
    if learnt is not None and not arguments.fast:
        training = halves(with_split(learnt))[0]
        say("fitting simpler classifiers to compare with")
        for name, predict in simpler_classifiers(training["text"][:], training["label"][:]).items():
            codings[name] = predict(texts)
        codings["guess by frequency"] = stratified_guess(training["label"][:], len(gold))
    codings["majority"] = majority(gold)
    scores = {name: evaluate(gold, coded, documents, labels) for name, coded in codings.items()}

    comparisons = compare(gold, codings, documents, labels)
    report: dict[str, Any] = {
        "model": {"file": str(arguments.model), "sha256": saved.card.get("sha256", {}).get(arguments.model.name)},
        "data": {"source": judged.source, "part": judged.part, "sha256": data_sha256(judged.clauses)},
        "labels": labels,
        "scores": scores,
        "comparisons": comparisons,
        "average_precision": average_precision(probabilities, gold, documents, known),
        "calibration": calibration(probabilities, gold, documents, known),
        "abstention": risk_coverage(probabilities, gold, known),
    }
    report["reliability"] = on_one_scale(judged.clauses["coders"][:], codings["model"], gold)
    report["shares"] = shares(probabilities, gold, known, saved.card)
    report["slices"] = slices(judged.clauses, codings["model"], probabilities.max(axis=1), labels)
    if set(known) == set(CODES):
        report["behaviour"] = behaviour(saved.pipeline.predict_proba, known)
        report["actor_swap"] = actor_swap(saved.pipeline.predict_proba, texts, documents, known)
    if arguments.documents:
        report["documents"] = judge_documents(
            saved.pipeline.predict,
            arguments.documents,
            arguments.data,
            labels,
            arguments.label_map,
            set(documents),
            arguments.label_column,
            arguments.document_column,
        )
    write(out, report, saved.pipeline, mistakes(saved.pipeline, judged.clauses, codings["model"]))
    show(scores, comparisons, labels)
    show_trust(report)
    say(f"report: {out}/{', '.join(FILES)}")


def judge_codes(arguments: argparse.Namespace) -> None:
    """Score somebody's codes, without a model."""
    out = arguments.out or Path("reports") / f"{arguments.pred.stem}-on-{arguments.gold.stem}"
    require_writable(out / "metrics.json")
    clauses = read_clauses(arguments.gold)
    gold, documents = clauses["label"][:], clauses["document"][:]
    theirs = other_codes(arguments.pred, clauses, None, arguments.trust)
    labels = ordered(sorted({*gold, *theirs}))
    codings = {"model": theirs, "majority": majority(gold)}
    scores = {name: evaluate(gold, coded, documents, labels) for name, coded in codings.items()}
    comparisons = compare(gold, codings, documents, labels)
    make_folder(out)
    report = {"gold": str(arguments.gold), "pred": str(arguments.pred), "labels": labels, "scores": scores}
    replace_file(out / "metrics.json", json.dumps(report | {"comparisons": comparisons}, indent=2) + "\n")
    show({str(arguments.pred): scores["model"], "majority": scores["majority"]}, comparisons, labels)
    say(f"report: {out}/metrics.json")


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
    parser.add_argument("--gold", type=Path, metavar="FILE", help="with --pred: gold codes, no model")
    parser.add_argument("--pred", type=Path, metavar="FILE", help="with --gold: somebody's codes of these clauses")
    parser.add_argument("--fast", action="store_true", help="no simpler classifiers beside the model")
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


def choose(
    arguments: argparse.Namespace, card: dict[str, Any], labels: list[str], learnt_from: Dataset | None
) -> Judged:
    """The clauses to judge on: the held-out part where the data have a split, all of them otherwise."""
    learnt = card.get("data", {})
    if arguments.data is None:
        if "source" not in learnt:
            raise InputError(f"the card of {arguments.model} names no data: name labelled clauses with --data")
        source = learnt["source"]
        if not source.startswith("hub:") and not Path(source).exists():
            raise InputError(
                f"{source}, which {arguments.model} was trained on, is gone: name its new place with --data"
            )
        if learnt_from is None:
            raise InputError(f"{source} has changed since {arguments.model} was trained on it: train again")
        clauses = learnt_from
    else:
        source, clauses = arguments.data, read_from(arguments)

    part = "all clauses"
    if data_sha256(clauses) == learnt.get("sha256"):
        clauses, part = halves(with_split(clauses))[1], "held-out split"
    elif "test" in clauses["split"]:
        clauses, part = halves(clauses)[1], "held-out split"
    for identifier, label in zip(clauses["id"], clauses["label"], strict=True):
        if label not in labels:
            raise InputError(
                f"{identifier}: the model knows no label {shorten(label)}, only {', '.join(labels)}: "
                "rename it with --label-map OLD=NEW"
            )
    return Judged(without_known(clauses, set(str(card.get("trained_on", "")).split())), source, part)


def shares(
    probabilities: NDArray[np.float64], gold: list[str], labels: list[str], card: dict[str, Any]
) -> dict[str, Any] | None:
    """Shares of the codes as gold has them, as counted and as corrected, and how far both are off in simulation."""
    prior = card.get("prior")
    if not prior or set(prior) != set(labels):
        return None
    before = np.array([prior[label] for label in labels])
    truth = np.array([gold.count(label) / len(gold) for label in labels])
    found = {"gold": truth, "counted": counted(probabilities), "corrected": corrected(probabilities, before)}
    return {
        "shares": {name: dict(zip(labels, each.tolist(), strict=True)) for name, each in found.items()},
        "error_in_simulation": simulate(probabilities, np.array(gold), labels, before),
    }


def learnt_clauses(card: dict[str, Any]) -> Dataset | None:
    """The clauses that the model was made from, both sides of their split; None when they are gone or have changed."""
    learnt = card.get("data", {})
    source = learnt.get("source", "")
    if not source or (not source.startswith("hub:") and not Path(source).exists()):
        return None
    columns = {name: learnt[name] for name in COLUMNS if name in learnt}
    clauses = read_clauses(source, **columns)
    return clauses if data_sha256(clauses) == learnt.get("sha256") else None


def other_codes(path: Path, clauses: Dataset, labels: list[str] | None, trust: bool) -> list[str]:
    """The codes of another model for the same clauses, or somebody's codes from a file with the same ids or order."""
    if path.suffix in (".joblib", ".skops"):
        codes = [str(code) for code in load(path, trust=trust).pipeline.predict(clauses["text"][:])]
    else:
        coded = read_clauses(path)
        by_id = dict(zip(coded["id"], coded["label"], strict=True))
        by_text = dict(zip(zip(coded["document"], coded["text"], strict=True), coded["label"], strict=True))
        by_text_alone = dict(zip(coded["text"], coded["label"], strict=True))
        codes = []
        for name, document, text in zip(clauses["id"], clauses["document"], clauses["text"], strict=True):
            code = by_text.get((document, text)) or by_text_alone.get(text) or by_id.get(name)
            if code is None:
                raise InputError(f"{path} has no code for {name}: it should hold the clauses that are judged")
            codes.append(code)
    if labels is not None and (unknown := sorted(set(codes) - set(labels))):
        raise InputError(f"{path} codes {shorten(unknown[0])}, which is no label here: {', '.join(labels)}")
    return codes


def without_known(clauses: Dataset, trained_on: set[str]) -> Dataset:
    """The clauses of documents that the model did not learn from; InputError when most are known to it."""
    known: dict[str, list[bool]] = defaultdict(list)
    for document, text_hash in zip(clauses["document"], text_hashes(clauses["text"][:]), strict=True):
        if text_hash:
            known[document].append(text_hash in trained_on)
    seen = {document for document, hits in known.items() if sum(hits) >= KNOWN_SHARE * len(hits)}
    documents = len(set(clauses["document"]))
    told = f"{len(seen)} of these {documents} documents ({', '.join(sorted(seen)[:3])}{', …' if len(seen) > 3 else ''})"
    if 2 * len(seen) >= documents:
        raise InputError(
            f"the model was trained on {told}, so scores on them would be too good: "
            "judge it on other documents, or on its held-out split with `make eval` (python -m eval)"
        )
    if seen:
        say(f"left out, for the model was trained on them: {told}")
    return clauses.select([index for index, document in enumerate(clauses["document"]) if document not in seen])


def ordered(labels: list[str]) -> list[str]:
    """The labels as the codebook orders its codes; others by name, `none` last."""
    return sorted(labels, key=lambda label: (CODES.index(label) if label in CODES else -1, label == NO_POSITION, label))


def mistakes(pipeline: Pipeline, clauses: Dataset, coded: list[str]) -> list[dict[str, Any]]:
    """Every clause coded wrongly, the most confident first, with the n-grams that spoke for the wrong code."""
    labels = [str(label) for label in pipeline.classes_]
    wrong = [index for index, (gold, code) in enumerate(zip(clauses["label"], coded, strict=True)) if gold != code]
    if not wrong:
        return []
    probabilities = pipeline.predict_proba([clauses["text"][index] for index in wrong])
    explainer, found = Explainer(pipeline), []
    for index, row in zip(wrong, probabilities, strict=True):
        clause, code = clauses[index], coded[index]
        reasons = explainer.contributions(clause["text"], code, against=clause["label"])[:REASONS]
        found.append(
            {name: clause[name] for name in ("id", "document", "text")}
            | {"gold": clause["label"], "coded": code, "confidence": round(float(row[labels.index(code)]), 4)}
            | {"because": {each.term: round(each.value, 3) for each in reasons}}
        )
    return sorted(found, key=lambda each: -each["confidence"])


def write(out: Path, report: dict[str, Any], pipeline: Pipeline, wrong: list[dict[str, Any]]) -> None:
    from eval.plots import plot_confusion, plot_reliability, plot_risk_coverage, plot_top_terms

    make_folder(out)
    model = report["scores"]["model"]
    title = f"{report['model']['file']} on {report['data']['source']}: {report['data']['part']}"
    plot_confusion(model["confusion"], report["labels"], title, out / "confusion.png")
    plot_reliability(report["calibration"], title, out / "reliability.png")
    plot_risk_coverage(report["abstention"], title, out / "risk_coverage.png")
    known = ordered([str(label) for label in pipeline.classes_])
    explainer = Explainer(pipeline)
    terms = {label: explainer.top_terms(label, TOP_TERMS) for label in known}
    plot_top_terms(terms, f"What speaks for each code: {report['model']['file']}", out / "top_terms.png")
    replace_file(out / "mistakes.jsonl", "".join(map(json_line, wrong)))
    replace_file(out / "mistakes.csv", as_csv(wrong))
    write_report(out, report, wrong)
    replace_file(out / "metrics.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def as_csv(wrong: list[dict[str, Any]]) -> str:
    """The mistakes as a table, for a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "document", "gold", "coded", "confidence", "text", "because"])
    for each in wrong:
        cells = [each[name] for name in ("id", "document", "gold", "coded", "confidence", "text")]
        writer.writerow([harmless(cell) for cell in [*cells, told(each["because"].items())]])
    return text.getvalue()


def show(scores: dict[str, dict[str, Any]], comparisons: dict[str, dict[str, Any]], labels: list[str]) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    names = {"macro_f1": "macro-F1, all codes", "macro_f1_positions": "positions only", "accuracy": "accuracy"}
    table = Table(title="scores [95 % interval over documents]", title_justify="left", box=None, padding=(0, 1))
    for heading in ("", *names.values(), "MCC"):
        table.add_column(heading, no_wrap=True)
    for name, each in scores.items():
        table.add_row(Text(visible(name)), *(shown(each[key]) for key in names), shown(each["mcc"], wide=False))
    console.print(table)

    title = (
        "\nthe model's lead in macro-F1 [95 % interval], and whether it is chance (exact McNemar test, Holm-corrected)"
    )
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for heading in ("over", "lead", "right alone", "wrong alone", "p"):
        table.add_column(heading, no_wrap=True)
    for name, each in comparisons.items():
        alone = f"{each['first_only']:,}", f"{each['other_only']:,}"
        table.add_row(Text(visible(name)), shown(each["lead"]), *alone, f"{each['p_holm']:.2g}")
    console.print(table)

    first = next(iter(scores.values()))
    judged = Text(f"\n{visible(next(iter(scores)))}, code by code")
    table = Table(title=judged, title_justify="left", box=None, padding=(0, 1))
    for heading in ("code", "precision", "recall", "F1", "clauses"):
        table.add_column(heading, justify="left" if heading == "code" else "right", no_wrap=True)
    for label in labels:
        row = first["per_label"][label]
        cells = shown(row["precision"], wide=False), shown(row["recall"], wide=False), shown(row["f1"])
        table.add_row(Text(visible(label)), *cells, f"{row['support']:,}")
    console.print(table)


def show_trust(report: dict[str, Any]) -> None:
    """Calibration, behaviour and blindness to the actor, a line each."""
    lines: list[str] = []
    # That unsure codes are often wrong is no news.
    if weak := [each for each in report["slices"] if each["field"] != "confidence"][:WEAKEST]:
        told = [f"{each['value']} {each['macro_f1']['value']:.2f} ({each['clauses']:,})" for each in weak]
        lines.append(f"weakest parts, macro-F1 (clauses): {', '.join(told)}")
    error, squared = (shown(report["calibration"][name]) for name in ("ece", "brier"))
    chance = report["calibration"]["ece"]["by_chance"]
    lines.append(f"expected calibration error {error} (up to {chance:.3f} is chance), Brier score {squared}")
    if "behaviour" in report:
        cases, swap = report["behaviour"], report["actor_swap"]
        weakest = sorted(cases["capabilities"].items(), key=lambda item: item[1]["passed"] / item[1]["cases"])[:3]
        named = ", ".join(f"{name} {each['passed']}/{each['cases']}" for name, each in weakest)
        lines.append(f"behaviour: {cases['pass_rate']:.1%} of {cases['cases']} cases pass; weakest: {named}")
        if swap["swaps"]:
            lines.append(
                f"another actor in {swap['clauses']} clauses, {swap['swaps']:,} swaps: code changes in "
                f"{swap['flips']:.2%}, its probability by {swap['change']:.4f} in the mean"
            )
    if "documents" in report:
        each = report["documents"]
        cuts, by_word = each["boundaries"], each["by_word"]
        lines.append(
            f"{each['documents']} documents end to end: boundaries precision {cuts['precision']:.3f}, recall "
            f"{cuts['recall']:.3f}, F1 {cuts['f1']:.3f}; {each['recovered']:.1%} of the clauses recovered"
        )
        lines.append(
            f"macro-F1 word by word {shown(by_word['cut here']['macro_f1'])}, "
            f"on clauses cut by coders {shown(by_word['cut by coders']['macro_f1'])}"
        )
    print("\n" + "\n".join(map(visible, lines)))


if __name__ == "__main__":
    warnings.showwarning = lambda message, *_: say(f"warning: {message}")
    run(main)

"""Code documents: every clause of a text gets its code and how sure the model is of it.

python -m models.annotate article.txt                          a table on a terminal, JSON lines in a pipe
python -m models.annotate speeches/ --html coded.html          a folder → one page to read and to show
python -m models.annotate news.csv --text-column body --output coded.parquet --summary shares/ --group-by paper
cat article.txt | python -m models.annotate -

Text, Markdown, HTML, PDF and Word files, folders of them, and tables (JSONL, CSV, TSV, Parquet) with a text in a row.
"""

import argparse
import hashlib
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from data.documents import Document, Unreadable, find, read_documents
from data.errors import InputError, make_folder, named, replace_file, require_writable, run, say
from data.rows import CODES, UNCERTAIN
from features.segment import Clause, segment
from models.outputs import FORMATS, form_of, json_line, open_output
from models.scorer import in_batches
from models.storage import MODEL, Saved, load, load_scorer

PHRASES = 8  # on the page, for each clause
EVERY = 100  # documents between two lines of progress in a log


def annotate(
    saved: Saved, name: str, text: str, thresholds: dict[str, float | None] | None = None
) -> Iterator[dict[str, Any]]:
    """Code every clause of one document.

    Yields one record a clause, in order: `document, start, end, text, label, confidence, probabilities`; characters
    `start` to `end` of the document are `text`, `confidence` is the largest probability. With `thresholds`
    (`models.calibration.threshold_for`) the label is `uncertain` where the confidence falls below that of the code.
    """
    clauses = segment(text)
    if clauses:
        rows = saved.pipeline.predict_proba([clause.text for clause in clauses])
        yield from coded_clauses(saved, name, clauses, rows, thresholds)


def coded_clauses(
    saved: Saved, name: str, clauses: list[Clause], rows: Any, thresholds: dict[str, float | None] | None = None
) -> Iterator[dict[str, Any]]:
    """The records that `annotate` yields, of clauses whose probabilities (clauses × labels) are known."""
    labels = [str(label) for label in saved.pipeline.classes_]
    for clause, row in zip(clauses, rows, strict=True):
        best = int(row.argmax())
        label = labels[best] if thresholds is None or _holds(row[best], thresholds.get(labels[best])) else UNCERTAIN
        yield {
            "document": name,
            "start": clause.start,
            "end": clause.end,
            "text": clause.text,
            "label": label,
            "confidence": round(float(row[best]), 4),
            "probabilities": {label: round(float(value), 4) for label, value in zip(labels, row, strict=True)},
        }


def _cut(document: Document | Unreadable) -> tuple[Document | Unreadable, list[Clause]]:
    return document, segment(document.text) if isinstance(document, Document) else []


def _opened(arguments: argparse.Namespace) -> Saved:
    """The model; its arrays alone where no n-grams are to be explained."""
    plain = arguments.scorer == "sklearn" or arguments.explain or arguments.html
    return (load if plain else load_scorer)(arguments.model, trust=arguments.trust)


def _holds(confidence: float, threshold: float | None) -> bool:
    return threshold is not None and confidence >= threshold


def likeliest(row: dict[str, Any]) -> str:
    """The code given, or of an uncertain clause the one with the largest probability."""
    if row["label"] != UNCERTAIN:
        return str(row["label"])
    return str(max(row["probabilities"], key=row["probabilities"].__getitem__))


def queue(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The uncertain clauses of a document for coders: each with its neighbours and the likeliest code, no label yet."""
    return [
        {
            "document": row["document"],
            "position": index + 1,
            "before": rows[index - 1]["text"] if index else "",
            "text": row["text"],
            "after": rows[index + 1]["text"] if index + 1 < len(rows) else "",
            "label": "",
            "likeliest": likeliest(row),
            "confidence": row["confidence"],
        }
        for index, row in enumerate(rows)
        if row["label"] == UNCERTAIN
    ]


def main() -> None:
    arguments = parse()
    check_outputs(arguments)
    paths = without_results(find(arguments.documents), arguments)
    saved = _opened(arguments)
    thresholds = None
    if arguments.target_precision:
        from models.calibration import threshold_for

        thresholds = threshold_for(saved.card, arguments.target_precision)
    labels = display_order(saved)
    form = arguments.format or (form_of(arguments.output) if arguments.output else None)
    form = form or ("table" if sys.stdout.isatty() else "jsonl")

    unreadable: list[Unreadable] = []
    queued: list[str] = []
    pages: list[Any] = []
    coded: list[Any] = []
    clauses, guessed = 0, set[str]()
    reading = read_documents(
        paths, encoding=arguments.encoding, text_column=arguments.text_column, name_column=arguments.name_column
    )
    with ExitStack() as stack:
        progress = stack.enter_context(_Progress(len(paths), arguments.quiet))
        output = stack.enter_context(open_output(form, arguments.output, labels, arguments.bom))
        explainer = _explainer(saved, arguments)
        cut = map(_cut, reading)
        for (document, parts), scores in in_batches(
            cut, lambda each: [clause.text for clause in each[1]], saved.pipeline
        ):
            if isinstance(document, Unreadable):
                if arguments.strict:
                    raise InputError(f"{named(document.name)} {document.reason}")
                unreadable.append(document)
                continue
            source = document.name.rsplit("#", 1)[0]
            if document.encoding and source not in guessed and not arguments.quiet:
                guessed.add(source)
                say(f"{named(source)}: read as {document.encoding}; another one with --encoding NAME")
            rows = list(coded_clauses(saved, document.name, parts, scores, thresholds))
            if arguments.explain:
                for row in rows:
                    row["because"] = explainer.phrases(row["text"], likeliest(row))[: arguments.explain]
            output.write(document.name, rows)
            clauses += len(rows)
            if arguments.save_text:
                _save_text(arguments.save_text, document)
            if arguments.uncertain_out:
                queued += map(json_line, queue(rows))
            if arguments.html:
                pages.append(_for_page(document, rows, explainer))
            if arguments.summary:
                coded.append(_for_summary(document, rows, arguments))
            progress.step(document.name, clauses)
        if unreadable and not progress.documents:
            raise InputError("\nerror: ".join(f"{named(each.name)} {each.reason}" for each in unreadable))

    finish(arguments, saved, labels, pages, coded, queued)
    for each in unreadable:
        say(f"error: {named(each.name)} {each.reason}")
    if unreadable:
        say(f"{len(unreadable)} of the documents could not be read and were left out")
        sys.exit(1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m models.annotate", description="Code every clause of documents with the saved model."
    )
    parser.add_argument("documents", nargs="+", metavar="PATH", help="files, folders, globs; - for standard input")
    parser.add_argument("--model", type=Path, default=MODEL, help=f"the saved model (default: {MODEL})")
    parser.add_argument("--trust", action="store_true", help="open a model that no card vouches for")
    parser.add_argument(
        "--scorer",
        choices=("fast", "sklearn"),
        default="fast",
        help="fast gives the same numbers without scikit-learn, which --explain and --html need (default: fast)",
    )
    parser.add_argument("--strict", action="store_true", help="stop at the first document that cannot be read")
    parser.add_argument("--quiet", action="store_true", help="no progress")

    group = parser.add_argument_group("documents")
    group.add_argument(
        "--encoding", metavar="NAME", help="of text and HTML files (default: UTF-8, else guessed and said)"
    )
    group.add_argument("--text-column", default="text", metavar="NAME", help="of tables (default: text)")
    group.add_argument("--name-column", metavar="NAME", help="of tables: what a document is called (default: its row)")

    group = parser.add_argument_group("results")
    group.add_argument("--output", type=Path, metavar="FILE", help=".jsonl, .csv, .parquet or .txt")
    group.add_argument("--format", choices=FORMATS, help="default: by --output; table on a terminal, jsonl in a pipe")
    group.add_argument("--bom", action="store_true", help="mark a CSV file as UTF-8, for Excel")
    group.add_argument("--html", type=Path, metavar="FILE", help="one page: the documents with their clauses tinted")
    group.add_argument("--explain", type=int, metavar="N", help="with each clause the N phrases that decided most")
    group.add_argument("--summary", type=Path, metavar="FOLDER", help="shares of the codes: tables and plots")
    group.add_argument("--group-by", metavar="COLUMN", help="for the summary (default: the folder of a file)")
    group.add_argument("--date-column", metavar="COLUMN", help="for the summary: a column that begins with the year")
    group.add_argument("--save-text", type=Path, metavar="FOLDER", help="keep the texts that the offsets refer to")

    group = parser.add_argument_group("abstention")
    group.add_argument(
        "--target-precision",
        type=float,
        metavar="P",
        help="leave clauses `uncertain` where the codes given would be right less often than this, such as 0.9",
    )
    group.add_argument(
        "--uncertain-out", type=Path, metavar="FILE", help="write those clauses here, for coders (jsonl)"
    )
    arguments = parser.parse_args()
    if arguments.target_precision is not None and not 0 < arguments.target_precision < 1:
        parser.error(f"argument --target-precision: {arguments.target_precision:g} should lie between 0 and 1")
    if arguments.explain is not None and arguments.explain < 1:
        parser.error(f"argument --explain: {arguments.explain} should be 1 or more")
    return arguments


def check_outputs(arguments: argparse.Namespace) -> None:
    """Raise InputError before the work when a result could not be written or asks for what is not there."""
    warnings.showwarning = lambda message, *_: say(f"warning: {message}")
    if arguments.uncertain_out and arguments.target_precision is None:
        raise InputError("--uncertain-out writes what --target-precision leaves uncertain: give both")
    for option, value in (("--group-by", arguments.group_by), ("--date-column", arguments.date_column)):
        if value and not arguments.summary:
            raise InputError(f"{option} is for the summary: give --summary FOLDER too")
    form = arguments.format or (form_of(arguments.output) if arguments.output else None)
    if arguments.bom and (form != "csv" or not arguments.output):
        raise InputError("--bom marks a CSV file: give --output FILE.csv too")
    files = [path.resolve() for path in (arguments.output, arguments.html, arguments.uncertain_out) if path]
    if len(set(files)) < len(files):
        raise InputError("two results would go to one file: give each of --output, --html, --uncertain-out its own")
    for path in (arguments.output, arguments.html, arguments.uncertain_out):
        if path:
            require_writable(path)
    for folder in (arguments.summary, arguments.save_text):
        if folder:
            require_writable(folder / "documents.csv")


def without_results(paths: list[str], arguments: argparse.Namespace) -> list[str]:
    """The documents without what an earlier run wrote; InputError where a result would replace a document."""
    files = {path.resolve() for path in (arguments.output, arguments.html, arguments.uncertain_out) if path}
    folders = [path.resolve() for path in (arguments.summary, arguments.save_text) if path]
    for given in arguments.documents:
        if given != "-" and Path(given).resolve() in files:
            raise InputError(f"{given} is a document: write the result to another file")
    kept = []
    for path in paths:
        place = Path(path).resolve()
        if path == "-" or not (place in files or any(folder in place.parents for folder in folders)):
            kept.append(path)
    if not kept:
        raise InputError("no documents but the results of an earlier run: write results to another folder")
    if len(kept) < len(paths):
        say(f"left out, for this run writes them: {len(paths) - len(kept)} of the files")
    return kept


def display_order(saved: Saved) -> list[str]:
    """The model's labels, the codes of the codebook in its order."""
    labels = [str(label) for label in saved.pipeline.classes_]
    return [code for code in CODES if code in labels] + [label for label in labels if label not in CODES]


def finish(
    arguments: argparse.Namespace,
    saved: Saved,
    labels: list[str],
    pages: list[Any],
    coded: list[Any],
    queued: list[str],
) -> None:
    """Write what needs all documents, and say where everything is."""
    if arguments.output and not arguments.quiet:
        say(f"coded clauses: {arguments.output}")
    if arguments.uncertain_out:
        replace_file(arguments.uncertain_out, "".join(queued))
        say(f"{len(queued):,} uncertain clauses: {arguments.uncertain_out}")
    if arguments.html:
        from models.page import render_page

        digest = saved.card.get("sha256", {}).get(arguments.model.name, "")[:12]
        described = f"{arguments.model}{f' (SHA-256 {digest}…)' if digest else ''}"
        meaning = MEANINGS if set(labels) <= set(MEANINGS) else None
        page = render_page(pages, labels, title="Coded documents", model=described, codebook=meaning)
        replace_file(arguments.html, page)
        say(f"page: {arguments.html}")
    if arguments.summary:
        from models.summary import Summary

        summary = Summary(labels, saved.card.get("confusion"), uncertain=arguments.target_precision is not None)
        for path in summary.write(arguments.summary, coded):
            say(f"summary: {path}")


MEANINGS = {
    "oppose": "rejects, condemns, regrets or warns",
    "support": "endorses, welcomes, thanks or commits itself",
    "call-for": "asks, demands or says what must be",
    "none": "states no position",
    UNCERTAIN: "would be right less often than asked for",
}


def _explainer(saved: Saved, arguments: argparse.Namespace) -> Any:
    if not (arguments.explain or arguments.html):
        return None
    from models.explain import Explainer

    return Explainer(saved.pipeline)


def _for_page(document: Document, rows: list[dict[str, Any]], explainer: Any) -> Any:
    from models.page import CodedDocument

    explained = [
        row | {"because": row.get("because") or explainer.phrases(row["text"], likeliest(row))[:PHRASES]}
        for row in rows
    ]
    return CodedDocument(document.name, document.text, explained)


def _for_summary(document: Document, rows: list[dict[str, Any]], arguments: argparse.Namespace) -> Any:
    from models.summary import Coded

    for option, column in (("--group-by", arguments.group_by), ("--date-column", arguments.date_column)):
        # A file has no columns but its folder, and not even that where it was named without one.
        if column and column != "folder" and column not in document.fields:
            there = ", ".join(document.fields) or "no columns"
            raise InputError(f"{document.name} has no column {column!r}, only {there}: name another with {option}")
    group = document.fields.get(arguments.group_by or "folder", "")
    date = document.fields.get(arguments.date_column or "date", "")
    given, likely = Counter(row["label"] for row in rows), Counter(likeliest(row) for row in rows)
    return Coded(document.name, group, date, given, likely)


def _save_text(folder: Path, document: Document) -> None:
    """Under the document's name, without what could lead out of the folder; two names never make one file."""
    digest = hashlib.sha256(document.name.encode()).hexdigest()[:12]
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in document.name).strip("._")[-100:]
    make_folder(folder)
    replace_file(folder / f"{name}-{digest}.txt", document.text)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


class _Progress:
    """A bar on a terminal; in a log a sober line every hundred documents."""

    def __init__(self, paths: int, quiet: bool):
        self.quiet, self.documents = quiet, 0
        terminal = sys.stderr.isatty() and not quiet and paths > 1 and not sys.stdout.isatty()
        self.bar = _bar() if terminal else None
        self.task = self.bar.add_task("coding", total=None) if self.bar else None

    def step(self, name: str, clauses: int) -> None:
        """Another document is done."""
        self.documents += 1
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, description=f"{self.documents:,} documents, {clauses:,} clauses")
        elif not self.quiet and self.documents % EVERY == 0:
            say(f"{self.documents:,} documents, {clauses:,} clauses")

    def __enter__(self) -> "_Progress":
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.stop()


if __name__ == "__main__":
    run(main)

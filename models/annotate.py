"""Code documents: every clause of a text gets its code and how sure the model is of it.

python -m models.annotate article.txt                          a table on a terminal, JSON lines in a pipe
python -m models.annotate speeches/ --html coded.html          a folder → one page to read and to show
python -m models.annotate news.csv --text-column body --output coded.parquet --summary shares/ --group-by paper
cat article.txt | python -m models.annotate -
python -m models.annotate s3://bucket/news.jsonl.zst --output coded/    a folder of parts; the same command goes on

Text, Markdown, HTML, PDF and Word files, folders of them, and tables (JSONL, CSV, TSV, each also .gz or .zst, Parquet,
datasets of the Hugging Face Hub) with a text in a row, here or at a URL.
"""

import argparse
import hashlib
import os
import shlex
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from data.documents import Document, Item, Unreadable, find, items
from data.errors import InputError, make_folder, named, replace_file, require_writable, run, say
from data.rows import CODES, UNCERTAIN
from models.coding import Coded, Work, code, code_alone, fingerprint, likeliest, model_sha256, weight
from models.engine import Engine, add_engine_arguments, engine_of, results, workers
from models.outputs import FORMATS, form_of, json_line, open_output
from models.progress import Steps
from models.scorer import FEW
from models.storage import MODEL, Saved, load, load_scorer

PHRASES = 8  # on the page, for each clause
DAY = 86_400  # seconds
SMALL = 64  # documents, and
SMALL_SIZE = 250_000  # their characters or bytes, which are coded before workers would have started
TOGETHER = 50  # documents of a task, with at most SMALL_SIZE where they are several


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
    engine = engine_of(arguments)
    check_outputs(arguments)
    paths = without_results(find(arguments.documents), arguments)
    saved = (load if arguments.scorer == "sklearn" else load_scorer)(arguments.model, trust=arguments.trust)
    thresholds = None
    if arguments.target_precision:
        from models.calibration import threshold_for

        thresholds = threshold_for(saved.card, arguments.target_precision)
    work = Work(
        model=str(arguments.model.resolve()),
        sha256=model_sha256(arguments.model),
        code=fingerprint(),
        trust=arguments.trust,
        scorer=arguments.scorer,
        thresholds=thresholds,
        explain=arguments.explain or (PHRASES if arguments.html else 0),
        encoding=arguments.encoding,
        time_limit=arguments.time_limit,
    )
    found = items(
        paths, encoding=arguments.encoding, text_column=arguments.text_column, name_column=arguments.name_column
    )
    if into_folder(arguments):
        to_parts(arguments, engine, work, paths, found)
    else:
        total = _total(paths)
        quiet = arguments.quiet or (len(paths) == 1 and total < SMALL_SIZE)
        to_one(arguments, engine, work, saved, Steps(total, quiet=quiet), found)


def into_folder(arguments: argparse.Namespace) -> bool:
    """Whether the output is a folder of parts: its name ends with a slash or has no suffix."""
    if arguments.output is None or arguments.output == os.devnull:
        return False
    path = Path(arguments.output)
    if arguments.output.endswith(os.sep) or path.is_dir():
        return True
    return not path.suffix and not path.exists() and arguments.format not in ("csv", "table")


def to_parts(
    arguments: argparse.Namespace, engine: Engine, work: Work, paths: list[str], found: Iterator[Item]
) -> None:
    """Code into a folder that keeps what is done, whatever ends the run."""
    from models import shards

    form = arguments.format or shards.FORMATS[0]
    head = {
        "made by": "python -m models.annotate",
        "model": work.sha256,
        "code": work.code,
        "input": shards.describe(paths),
        "settings": {
            "format": form,
            "documents in a shard": arguments.shard_documents,
            "size of a shard": shards.SIZE,
            "thresholds": work.thresholds,
            **{name: getattr(arguments, name) for name in ("explain", "encoding", "text_column", "name_column")},
            "time_limit": work.time_limit,
            "scorer": work.scorer,
        },
    }
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    bare = (item._replace(fields={}) if isinstance(item, Document) else item for item in found)
    try:
        with Steps(_total(paths), quiet=arguments.quiet) as progress:
            totals = shards.code_into(
                *(Path(arguments.output), work, form, engine, bare, head, progress),
                documents=arguments.shard_documents,
                restart=arguments.restart,
                strict=arguments.strict,
            )
    except KeyboardInterrupt:
        again = [each for each in sys.argv[1:] if each != "--restart"]
        say(f"interrupted: what is done is kept; go on with python -m models.annotate {shlex.join(again)}")
        sys.exit(128 + (received or [signal.SIGINT])[0])
    if not totals["documents"] and totals["rejects"]:
        raise InputError(f"none of the documents could be coded: {arguments.output}/rejects.jsonl says why")
    if not arguments.quiet:
        say(
            f"{totals['rows']:,} coded clauses of {totals['documents']:,} documents in {totals['shards']:,} parts: "
            f"{arguments.output}"
        )
    if totals["rejects"]:
        say(f"{totals['rejects']:,} documents were set aside: {Path(arguments.output) / 'rejects.jsonl'}")
        sys.exit(1)


def to_one(
    arguments: argparse.Namespace, engine: Engine, work: Work, saved: Saved, progress: Steps, found: Iterator[Item]
) -> None:
    """Code into one file or onto standard output, and into what needs all documents."""
    output_path = Path(arguments.output) if arguments.output else None
    labels = display_order(saved)
    form = arguments.format or (form_of(output_path) if output_path else None)
    form = form or ("table" if sys.stdout.isatty() else "jsonl")
    unreadable: list[Unreadable] = []
    queued: list[str] = []
    pages: list[Any] = []
    coded: list[Any] = []
    guessed = set[str]()
    with ExitStack() as stack:
        stack.enter_context(progress)
        stack.enter_context(_naming(output_path))
        output = stack.enter_context(open_output(form, output_path, labels, arguments.bom))
        for each in stack.enter_context(closing(in_order(engine, work, found))):
            if isinstance(each, Unreadable):
                if arguments.strict:
                    raise InputError(f"{named(each.name)} {each.reason}")
                unreadable.append(each)
                progress.step(documents=0, clauses=0, rejects=1, size=each.size)
                continue
            document, rows = each
            source = document.name.rsplit("#", 1)[0]
            if document.encoding and source not in guessed and not arguments.quiet:
                guessed.add(source)
                say(f"{named(source)}: read as {document.encoding}; another one with --encoding NAME")
            if arguments.html:
                pages.append(_for_page(document, rows))
            if not arguments.explain:
                rows = [{name: value for name, value in row.items() if name != "because"} for row in rows]
            output.write(document.name, rows)
            if arguments.save_text:
                _save_text(arguments.save_text, document)
            if arguments.uncertain_out:
                queued += map(json_line, queue(rows))
            if arguments.summary:
                coded.append(_for_summary(document, rows, arguments))
            progress.step(documents=1, clauses=len(rows), size=document.size)
        if unreadable and not progress.documents:
            raise InputError("\nerror: ".join(f"{named(each.name)} {each.reason}" for each in unreadable))

    finish(arguments, saved, labels, pages, coded, queued)
    for each in unreadable:
        say(f"error: {named(each.name)} {each.reason}")
    if unreadable:
        say(f"{len(unreadable)} of the documents could not be read and were left out")
        sys.exit(1)


@contextmanager
def _naming(output: Path | None) -> Iterator[None]:
    """What the disk refuses, with the name of the output: a write of bytes knows none."""
    try:
        yield
    except OSError as error:
        if output is None or error.filename is not None:
            raise
        raise InputError(f"cannot write {output}: {error.strerror or error}") from None


def in_order(engine: Engine, work: Work, found: Iterator[Item]) -> Generator[Coded | Unreadable, None, None]:
    """Code documents, in order: here as long as they are few, else where the engine has it done."""
    few: list[Item] = []
    size = 0
    for item in found:
        few.append(item)
        size += weight(item)
        if len(few) > SMALL or size > SMALL_SIZE:
            break
    else:
        here = replace(work, few=FEW)
        for item in few:
            yield from code(here, [item])
        return
    from models.shards import cut

    shards = cut(chain(few, found), TOGETHER, SMALL_SIZE)
    tasks = ((shard.number, shard.items) for shard in shards)
    with workers(engine) as pool:
        for _, coded in results(pool, partial(code, work), tasks, alone=partial(code_alone, work), ordered=True):
            yield from coded


def _total(paths: list[str]) -> int:
    """Bytes of the input; 0 where that is not known."""
    try:
        return sum(os.path.getsize(path) for path in paths)  # noqa: PTH202
    except OSError:
        return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m models.annotate", description="Code every clause of documents with the saved model."
    )
    parser.add_argument("documents", nargs="+", metavar="PATH", help="files, folders, globs; - for standard input")
    parser.add_argument("--model", type=Path, default=MODEL, help=f"the saved model (default: {MODEL})")
    parser.add_argument("--trust", action="store_true", help="open a model that no card vouches for")
    parser.add_argument(
        "--scorer", choices=("fast", "sklearn"), default="fast", help="the same numbers, compiled or by scikit-learn"
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
    group.add_argument(
        "--output",
        metavar="PATH",
        help=".jsonl, .csv, .parquet or .txt; or a folder (coded/) of parts with a manifest, to which the same command "
        "adds what is missing, for any size of input",
    )
    group.add_argument(
        "--format",
        choices=FORMATS,
        help="default: by --output, parquet in a folder (or jsonl); table on a terminal, jsonl in a pipe",
    )
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
    group = parser.add_argument_group("a folder of parts", "without --html, --summary, --save-text, --uncertain-out")
    group.add_argument("--restart", action="store_true", help="throw away what an earlier run left there")
    group.add_argument(
        "--shard-documents",
        type=int,
        default=1000,
        metavar="N",
        help="documents of a part (default: 1000)",
    )
    add_engine_arguments(parser).add_argument(
        "--time-limit", type=float, default=300.0, metavar="SECONDS", help="a document's; then set aside (default: 300)"
    )
    arguments = parser.parse_args()
    if arguments.shard_documents <= 0:
        parser.error(f"argument --shard-documents: {arguments.shard_documents} should be more than 0")
    if not 0 < arguments.time_limit <= DAY:
        parser.error(f"argument --time-limit: {arguments.time_limit:g} should be more than 0, at most {DAY} (a day)")
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
    files = [Path(path) for path in (arguments.output, arguments.html, arguments.uncertain_out) if path]
    if into_folder(arguments):
        check_folder(arguments)
        files = []
    elif arguments.restart:
        raise InputError("--restart is for a folder of parts: give --output FOLDER/ too")
    else:
        form = arguments.format or (form_of(Path(arguments.output)) if arguments.output else None)
        if arguments.bom and (form != "csv" or not arguments.output):
            raise InputError("--bom marks a CSV file: give --output FILE.csv too")
    if len({path.resolve() for path in files}) < len(files):
        raise InputError("two results would go to one file: give each of --output, --html, --uncertain-out its own")
    for path in files:
        require_writable(path)
    for folder in (arguments.summary, arguments.save_text):
        if folder:
            require_writable(folder / "documents.csv")


def check_folder(arguments: argparse.Namespace) -> None:
    """Raise InputError for what a folder of parts cannot have: a result for which all documents would be in memory."""
    for option in ("--html", "--summary", "--save-text", "--uncertain-out", "--bom"):
        if getattr(arguments, option.removeprefix("--").replace("-", "_")):
            raise InputError(f"{option} does not go with a folder of parts: name a file with --output")
    if arguments.format not in (None, "parquet", "jsonl"):
        raise InputError(f"a folder of parts holds parquet or jsonl, not {arguments.format}: name a file")
    require_writable(Path(arguments.output) / "manifest.jsonl")


def without_results(paths: list[str], arguments: argparse.Namespace) -> list[str]:
    """The documents without what an earlier run wrote; InputError where a result would replace a document."""
    files = {Path(path).resolve() for path in (arguments.output, arguments.html, arguments.uncertain_out) if path}
    folders = [path.resolve() for path in (arguments.summary, arguments.save_text) if path]
    if into_folder(arguments):
        folders.append(Path(arguments.output).resolve())
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
    UNCERTAIN: "too unsure for the precision asked for",
}


def _for_page(document: Document, rows: list[dict[str, Any]]) -> Any:
    from models.page import CodedDocument

    return CodedDocument(document.name, document.text, rows)


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


if __name__ == "__main__":
    run(main)

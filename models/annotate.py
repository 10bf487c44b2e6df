"""Code documents: every clause of a text gets its code and how sure the model is of it.

python -m models.annotate article.txt        a table on a terminal, JSON lines in a pipe
python -m models.annotate notes/*.md --format jsonl > coded.jsonl
cat article.txt | python -m models.annotate -
"""

import argparse
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.errors import InputError, replace_file, require_writable, run
from features.segment import segment
from models.calibration import threshold_for
from models.storage import MODEL, Saved, load

MAX_BYTES = 20_000_000
SUFFIXES = (".txt", ".md")
# Colours that people with the common kinds of colour blindness tell apart (Wong 2011); the code is always written too.
UNCERTAIN = "uncertain"
COLOURS = {"oppose": "#d55e00", "support": "#0072b2", "call-for": "#009e73", "none": "bright_black"}


def annotate(
    saved: Saved, name: str, text: str, thresholds: dict[str, float | None] | None = None
) -> Iterator[dict[str, Any]]:
    """Code every clause of one document.

    Yields one record a clause, in order: `document, start, end, text, label, confidence, probabilities`; characters
    `start` to `end` of the document are `text`, `confidence` is the largest probability. With `thresholds`
    (`models.calibration.threshold_for`) the label is `uncertain` where the confidence falls below that of the code.
    """
    clauses = segment(text)
    if not clauses:
        return
    labels = [str(label) for label in saved.pipeline.classes_]
    for clause, row in zip(clauses, saved.pipeline.predict_proba([c.text for c in clauses]), strict=True):
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


def _holds(confidence: float, threshold: float | None) -> bool:
    return threshold is not None and confidence >= threshold


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
            "likeliest": max(row["probabilities"], key=row["probabilities"].__getitem__),
            "confidence": row["confidence"],
        }
        for index, row in enumerate(rows)
        if row["label"] == UNCERTAIN
    ]


def read_document(name: str) -> str:
    """The text of a .txt or .md file, or of standard input for `-`, with its line ends as they are."""
    if name == "-":
        return _decode("standard input", sys.stdin.buffer.read(MAX_BYTES + 1))
    path = Path(name)
    if path.is_dir() or not path.exists():
        raise InputError(f"no file {name}: name .txt or .md documents, or - for standard input")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"cannot read {name}: its name should end in {' or '.join(SUFFIXES)}; text of any origin fits -"
        )
    try:
        with path.open("rb") as file:
            return _decode(name, file.read(MAX_BYTES + 1))
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from None


def _decode(name: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES:,} bytes: cut it into documents")
    if b"\0" in content:
        raise InputError(f"{name} holds a NUL byte: it is binary or UTF-16, not UTF-8 text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, byte {error.start + 1}: 0x{content[error.start]:02x} is not UTF-8; "
            f"convert it: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if not text.strip():
        raise InputError(f"{name} is empty: there is nothing to code")
    return text


def _print_tables(console: Console, records: dict[str, list[dict[str, Any]]]) -> None:
    for name, rows in records.items():
        table = Table(
            title=Text(name), title_justify="left", title_style="bold", expand=False, box=None, padding=(0, 1)
        )
        table.add_column("code", no_wrap=True)
        table.add_column("sure", justify="right")
        table.add_column("clause", overflow="fold")
        for row in rows:
            style = COLOURS.get(row["label"], "")
            # Text keeps square brackets and escape codes of the document from being taken for markup.
            clause = Text(" ".join(_visible(row["text"]).split()), style="dim" if row["label"] == "none" else "")
            table.add_row(Text(row["label"], style=style), f"{row['confidence']:.0%}", clause)
        console.print(table)
        labels = [row["label"] for row in rows]
        counts = ", ".join(f"{label} {count}" for label, count in Counter(sorted(labels)).most_common())
        console.print(Text(f" {len(rows)} clauses: {counts}\n"))


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() or character.isspace() else "�" for character in text)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m models.annotate", description="Code every clause of documents with the saved model."
    )
    parser.add_argument("documents", nargs="+", metavar="PATH", help=".txt or .md documents; - for standard input")
    parser.add_argument("--model", type=Path, default=MODEL, help=f"the saved model (default: {MODEL})")
    parser.add_argument("--trust", action="store_true", help="open a model that no card vouches for")
    parser.add_argument("--format", choices=("table", "jsonl"), help="default: table on a terminal, jsonl in a pipe")
    parser.add_argument(
        "--target-precision",
        type=float,
        metavar="P",
        help="leave clauses `uncertain` where the codes given would be right less often than this, such as 0.9",
    )
    parser.add_argument(
        "--uncertain-out", type=Path, metavar="FILE", help="write those clauses here, for coders (jsonl)"
    )
    arguments = parser.parse_args()
    if arguments.uncertain_out:
        if arguments.target_precision is None:
            raise InputError("--uncertain-out writes what --target-precision leaves uncertain: give both")
        require_writable(arguments.uncertain_out)
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)

    texts = {name: read_document(name) for name in arguments.documents}
    saved = load(arguments.model, trust=arguments.trust)
    form = arguments.format or ("table" if sys.stdout.isatty() else "jsonl")
    thresholds = threshold_for(saved.card, arguments.target_precision) if arguments.target_precision else None
    records = {name: list(annotate(saved, name, text, thresholds)) for name, text in texts.items()}
    if arguments.uncertain_out:
        lines = [json.dumps(each, ensure_ascii=False) + "\n" for rows in records.values() for each in queue(rows)]
        replace_file(arguments.uncertain_out, "".join(lines))
        print(f"{len(lines):,} uncertain clauses: {arguments.uncertain_out}", file=sys.stderr)
    if form == "table":
        _print_tables(Console(highlight=False), records)
    else:
        for rows in records.values():
            for row in rows:
                print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    run(main)

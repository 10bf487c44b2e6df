"""Read labelled clauses from JSONL, CSV, TSV, Parquet, a folder of these, or the Hugging Face Hub.

clauses = read_clauses("data/clauses")                                # the corpus
clauses = read_clauses("mine.csv", text_column="sentence", label_column="code", label_map={"con": "oppose"})
clauses = read_clauses("hub:owner/name:config")
"""

import argparse
import csv
import glob
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import datasets
from pydantic_core import from_json

from data.errors import InputError, shorten
from data.rows import CODES, FIELDS, Row, validate

CORPUS = Path("data/clauses")
HUB_CACHE = Path(".cache/datasets")
MAX_ERRORS = 20
MAX_LINE_BYTES = 1_000_000
SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
# The split that judges, by the names that Hub datasets give it; the first one present is taken.
HELD_OUT_NAMES = ("test", "validation", "dev")

FEATURES = datasets.Features(
    {name: datasets.Value("string") for name in FIELDS}
    | {"position": datasets.Value("int32"), "coders": datasets.List(datasets.Value("string"))}
)


class Record(NamedTuple):
    """A raw row and where it stands."""

    file: str
    line: int  # of the file; of the table, from 1, where a format has no lines
    row: dict[str, Any]

    @property
    def place(self) -> str:
        """Where the row stands, as errors name it."""
        unit = "row" if self.file.startswith("hub:") or self.file.endswith(".parquet") else "line"
        return f"{self.file}, {unit} {self.line}"


def read_clauses(
    source: str | Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    document_column: str = "document",
    topic_column: str = "topic",
    label_map: dict[str, str] | None = None,
    ignore_columns: Sequence[str] = (),
    labels: tuple[str, ...] | None = None,
) -> datasets.Dataset:
    """Read and validate labelled clauses.

    Parameters
    ----------
    source : a file (.jsonl, .csv, .tsv, .parquet), a folder of such files, or `hub:owner/name[:config]`
    text_column, label_column, document_column, topic_column : which columns hold the clause, its code, its document
        and what it is about
    label_map : codes to rename, old to new
    ignore_columns : columns that have the name of a field of `data.rows.Row` but mean something else
    labels : the only codes allowed after renaming; None allows any

    Returns
    -------
    An in-memory `datasets.Dataset` with the columns of `data.rows.Row`; `id`, `document` and `position` are always
    filled (without `document` every row is its own document), other columns are None where they are not known.

    Raises
    ------
    InputError
        With every bad row, up to 20: file, line, field, value and rule.
    """
    label_map = label_map or {}
    rows: list[Row] = []
    errors: list[str] = []
    found: Counter[str] = Counter()
    ids: dict[str, str] = {}
    positions: Counter[str] = Counter()
    columns = {"text": text_column, "label": label_column, "document": document_column, "topic": topic_column}
    checked: set[str] = set()
    for record in records(str(source)):
        if isinstance(record, str):
            errors.append(record)
        else:
            if record.file not in checked:
                _check_columns(record, columns)
                checked.add(record.file)
            fields = {
                name: value for name, value in record.row.items() if name in FIELDS and name not in ignore_columns
            }
            fields |= {name: record.row[column] for name, column in columns.items() if column in record.row}
            label = str(fields.get("label")).strip()
            found[label] += 1
            row, problems = validate(fields | ({"label": label_map[label]} if label in label_map else {}), labels)
            errors += [f"{record.place}, {_in_terms_of(columns, problem)}" for problem in problems]
            if row is not None:
                errors += _complete(row, record, ids, positions)
                rows.append(row)
        if len(errors) >= MAX_ERRORS:
            raise InputError("\n".join(errors[:MAX_ERRORS]) + f"\nstopped after {MAX_ERRORS} errors" + _hint(errors))
    if errors:
        raise InputError("\n".join(errors) + _hint(errors))
    if not rows:
        raise InputError(f"no labelled clauses in {source}: it is empty")
    if unused := sorted(set(label_map) - set(found)):
        raise InputError(f"--label-map names {shorten(unused[0])}, which is no label of {source}: {', '.join(found)}")
    return datasets.Dataset.from_list([{name: row.get(name) for name in FIELDS} for row in rows], features=FEATURES)


def _check_columns(record: Record, columns: dict[str, str]) -> None:
    for field, column in columns.items():
        option = f"--{field}-column"
        if column not in record.row and not (
            field == column and field in ("document", "topic")
        ):  # nobody must have these
            there = ", ".join(map(repr, record.row)) or "no column at all"
            raise InputError(f"{record.file} has no column {column!r}, only {there}: name the right one with {option}")


def _in_terms_of(columns: dict[str, str], problem: str) -> str:
    for field, column in columns.items():
        problem = problem.replace(f"field {field!r}", f"field {column!r}", 1)
    return problem


def _hint(errors: list[str]) -> str:
    optional = [
        name for name in FIELDS if name not in ("text", "label") and any(f"field {name!r}" in e for e in errors)
    ]
    if not optional:
        return ""
    return f"\nleave out columns that mean something else with --ignore-columns {','.join(optional)}"


def _complete(row: Row, record: Record, ids: dict[str, str], positions: Counter[str]) -> list[str]:
    """Fill in id, document and position; returns what is wrong with the id."""
    row.setdefault("document", f"{Path(record.file).name}:{record.line}")
    positions[row["document"]] += 1
    row.setdefault("position", positions[row["document"]])
    row.setdefault("id", f"{record.file}:{record.line}")
    if row["id"] in ids:
        return [f"{record.place}, field 'id', value {shorten(row['id'])}: already used at {ids[row['id']]}"]
    ids[row["id"]] = record.place
    return []


def records(source: str, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[Record | str]:
    """Every raw row of the source, or an error in place of a row that could not even be parsed.

    Raises InputError for a line of more than `max_line_bytes`.
    """
    if source.startswith("hub:"):
        yield from _hub_records(source)
        return
    for path in _files(Path(source)):
        if path.suffix == ".jsonl":
            yield from _jsonl_records(path, max_line_bytes)
        elif path.suffix == ".parquet":
            yield from _parquet_records(path)
        else:
            yield from _csv_records(path, max_line_bytes)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
        if not files:
            raise InputError(f"no {', '.join(SUFFIXES)} file in the folder {path}")
        return files
    if not path.exists():
        raise InputError(f"no file {path}: name a {', '.join(SUFFIXES)} file, a folder of them or hub:owner/name")
    if path.suffix not in SUFFIXES:
        raise InputError(f"cannot read {path}: its name should end in {', '.join(SUFFIXES)}")
    return [path]


def _load(builder: str, path: Path, **options: Any) -> Iterator[dict[str, Any]]:
    """The rows of one file through Hugging Face datasets: streamed, so that nothing is cached under the home folder."""
    _quiet()
    files = {"rows": [glob.escape(str(path.resolve()))]}
    with tempfile.TemporaryDirectory() as cache:  # even a stream leaves a lock behind
        yield from datasets.load_dataset(
            builder, data_files=files, split="rows", streaming=True, cache_dir=cache, **options
        )


def _quiet() -> None:
    """What goes wrong is told by InputError, once; the libraries would tell it before, and every retry."""
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)


def _jsonl_records(path: Path, max_line_bytes: int) -> Iterator[Record | str]:
    _check_text(path, max_line_bytes)
    # The text builder keeps a line a line; the JSON builder would guess types and lose the line numbers.
    for number, row in enumerate(_load("text", path, encoding="utf-8-sig"), 1):
        if not row["text"].strip():
            continue
        try:
            value = from_json(row["text"], allow_inf_nan=False)
        except ValueError as error:
            yield f"{path}, line {number}: not valid JSON: {error}"
            continue
        if isinstance(value, dict):
            yield Record(str(path), number, value)
        else:
            yield f"{path}, line {number}, value {shorten(value)}: should be a JSON object, one row a line"


def _csv_records(path: Path, max_line_bytes: int) -> Iterator[Record]:
    _check_text(path, max_line_bytes)
    separator = "\t" if path.suffix == ".tsv" else _separator(path)
    header, lines = _csv_shape(path, separator)
    if not lines:
        return
    strings = datasets.Features({name: datasets.Value("string") for name in header})
    # Without the NA filter and with string columns, a clause "None" or a code "1" stays what it is.
    options = {"sep": separator, "na_filter": False, "encoding": "utf-8-sig", "features": strings}
    rows = list(_load("csv", path, **options))
    if len(rows) != len(lines):
        raise InputError(f"{path} is no regular CSV: {len(lines)} or {len(rows)} rows, by its quotes and line ends")
    for line, row in zip(lines, rows, strict=True):
        yield Record(str(path), line, row)


def _separator(path: Path) -> str:
    """Spreadsheets write semicolons where the comma is the decimal point."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    return ";" if header.count(";") > header.count(",") else ","


def _csv_shape(path: Path, separator: str) -> tuple[list[str], list[int]]:
    """The header and the line each record begins on; pandas would fill short rows with nothing and say nothing."""
    csv.field_size_limit(sys.maxsize)
    header: list[str] = []
    lines: list[int] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        last = 0
        try:
            for record in reader:
                begin, last = last + 1, reader.line_num
                if not record:
                    continue
                if not header:
                    header = record
                elif len(record) != len(header):
                    raise InputError(
                        f"{path}, line {begin}: {len(record)} fields where the header has {len(header)}; "
                        f"quote fields that hold a {separator!r}"
                    )
                else:
                    lines.append(begin)
        except csv.Error as error:
            raise InputError(f"{path}, line {last + 1}: {error}") from None
    header = [name or f"Unnamed: {place}" for place, name in enumerate(header)]  # as pandas has it
    if len(set(header)) < len(header):
        raise InputError(f"{path}, line 1: two columns have the same name: {', '.join(header)}")
    return header, lines


def _parquet_records(path: Path) -> Iterator[Record]:
    if not _rows_of(path):
        return
    rows = _load("parquet", path)
    try:
        for number, row in enumerate(rows, 1):
            yield Record(str(path), number, row)
    except (datasets.exceptions.DatasetGenerationError, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None


def _rows_of(path: Path) -> int:
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None


def _hub_records(source: str) -> Iterator[Record]:
    """Rows of a Hub dataset; its own test split (else its validation split) is held out, its train split trains."""
    _quiet()
    name, _, config = source.removeprefix("hub:").partition(":")
    try:
        # datasets runs no code of a repository; what holds a script of its own it refuses.
        loaded = datasets.load_dataset(name, config or None, cache_dir=str(HUB_CACHE))
    except (datasets.exceptions.DatasetNotFoundError, OSError, ValueError, RuntimeError) as error:
        if script := re.search(r"scripts are no longer supported, but found (\S+)", str(error)):
            told = f"{source} holds a script, {script[1]}, and code of a dataset is never run"
            raise InputError(f"{told}: take a version of it in Parquet") from None
        raise InputError(f"cannot load {source}: {_first_line(error)}") from None
    held_out = next((split for split in HELD_OUT_NAMES if split in loaded), None)
    roles = {"train": "train", held_out: "test"} if held_out and "train" in loaded else dict.fromkeys(loaded)
    for split, role in roles.items():
        table = loaded[split]
        names = {
            column: feature.names
            for column, feature in table.features.items()
            if isinstance(feature, datasets.ClassLabel)
        }
        for number, row in enumerate(table, 1):
            for column, labels in names.items():
                number_of_label = row[column]
                labelled = number_of_label is not None and number_of_label >= 0  # -1 stands for "not labelled"
                row[column] = labels[number_of_label] if labelled else None
            if role:
                row["split"] = role
            for column in ("id", "document"):  # numbers often begin anew in every split
                if row.get(column) is not None:
                    row[column] = f"{split}/{row[column]}"
            yield Record(f"{source}/{split}", number, row)


def _check_text(path: Path, max_line_bytes: int) -> None:
    """One pass over the bytes: is this UTF-8 text with lines of a sane length?"""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(max_line_bytes + 1), b""), 1):
                if b"\0" in line:
                    raise InputError(f"{path}, line {number}: a NUL byte: this is binary or UTF-16, not UTF-8 text")
                if len(line) > max_line_bytes:
                    raise InputError(f"{path}, line {number}: longer than {max_line_bytes:,} bytes; one row a line")
                line.decode()
    except UnicodeDecodeError as error:
        bad = error.object[error.start]
        raise InputError(
            f"{path}, line {number}, byte {error.start + 1}: 0x{bad:02x} is not UTF-8; "
            f"convert it: iconv -f WINDOWS-1252 -t UTF-8 {path}"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """The options by which every command names labelled clauses."""
    group = parser.add_argument_group("labelled clauses")
    group.add_argument("--data", metavar="SOURCE", help="file, folder or hub:owner/name[:config]")
    group.add_argument("--text-column", default="text", metavar="NAME", help="column of the clause (default: text)")
    group.add_argument("--label-column", default="label", metavar="NAME", help="column of the code (default: label)")
    group.add_argument("--document-column", default="document", metavar="NAME", help="column of the document, if any")
    group.add_argument("--topic-column", default="topic", metavar="NAME", help="column of the topic, if any")
    group.add_argument("--label-map", type=_label_map, default={}, metavar="OLD=NEW,…", help="codes to rename")
    group.add_argument("--ignore-columns", type=_names, default=[], metavar="NAME,…", help="columns to leave out")


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _label_map(value: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in value.split(",")]
    if not all(old.strip() and new.strip() for old, _, new in pairs):
        raise argparse.ArgumentTypeError(f"{value!r} should read OLD=NEW,OLD=NEW")
    return {old.strip(): new.strip() for old, _, new in pairs}


def read_from(arguments: argparse.Namespace, labels: tuple[str, ...] | None = None) -> datasets.Dataset:
    """Read the clauses that the command line names; the corpus itself may hold the four codes only."""
    source = arguments.data or str(CORPUS)
    return read_clauses(
        source,
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        document_column=arguments.document_column,
        topic_column=arguments.topic_column,
        label_map=arguments.label_map,
        ignore_columns=arguments.ignore_columns,
        labels=CODES if Path(source) == CORPUS else labels,
    )

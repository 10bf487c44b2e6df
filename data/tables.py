"""Rows of tables, one after another in constant memory: JSONL, CSV, TSV (also .gz, .zst), Parquet, the Hub, any URL.

for line in rows("news.jsonl.zst"):
    print(line.number, line.row)

A URL (s3://bucket/a.jsonl, https://…, memory://…) is opened by fsspec; some kinds need a package of their own.
"""

import csv
import gzip
import io
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from pydantic_core import from_json

from data import extract
from data.errors import InputError, shorten

TEXT_TABLES = (".jsonl", ".csv", ".tsv")
COMPRESSIONS = (".gz", ".zst")
SUFFIXES = (*TEXT_TABLES, ".parquet", *(table + packed for table in TEXT_TABLES for packed in COMPRESSIONS))
HUB = "hub:"
BATCH = 1000  # rows of Parquet in memory


class Line(NamedTuple):
    """A row of a table, or what is wrong with it."""

    number: int  # of its line; of the row, from 1, where a format has no lines
    row: dict[str, Any] | str
    size: int  # bytes of the source that were read for it, about


def is_url(path: str) -> bool:
    """Whether fsspec has to open it.

    >>> is_url("s3://bucket/a.csv"), is_url("a.csv")
    (True, False)
    """
    return "://" in path


def is_table(path: str) -> bool:
    """Whether a path names a table.

    >>> is_table("a.JSONL.gz"), is_table("hub:owner/name"), is_table("a.txt")
    (True, True, False)
    """
    return path.startswith(HUB) or path.lower().endswith(SUFFIXES)


def kind(path: str) -> str:
    """The suffix of a table without that of its compression.

    >>> kind("a.CSV.gz")
    '.csv'
    """
    plain = path.lower()
    for packed in COMPRESSIONS:
        plain = plain.removesuffix(packed)
    return Path(plain).suffix


def rows(path: str, encoding: str | None = None) -> Iterator[Line]:
    """The rows of a table; what the whole file is wrong with is raised as InputError where it is met.

    Messages name no file, so that they read on from a name. CSV and JSONL are in UTF-8 or `encoding`; a file here of up
    to `data.extract.MAX_BYTES` in another encoding is guessed before (`data.documents`).
    """
    if path.startswith(HUB):
        yield from _hub_rows(path)
        return
    with open_source(path) as source:
        if kind(path) == ".parquet":
            yield from _parquet_rows(source)
        else:
            yield from text_rows(source, path, encoding)


def text_rows(source: IO[bytes], path: str, encoding: str | None = None) -> Iterator[Line]:
    """The rows of an open JSONL, CSV or TSV file."""
    with _unpacked(source, path) as stream:
        if kind(path) == ".jsonl":
            yield from _sized(_jsonl_rows(stream, encoding), source)
        else:
            yield from _sized(_csv_rows(stream, kind(path), encoding), source)


@contextmanager
def open_source(path: str) -> Iterator[IO[bytes]]:
    """Open a file here or at a URL; InputError where a package for it is missing or it cannot be reached."""
    if not is_url(path):
        with Path(path).open("rb") as file:
            yield file
        return
    import fsspec

    with ExitStack() as stack:
        with _told(path):
            file = stack.enter_context(fsspec.open(path, "rb"))
        yield file


@contextmanager
def _told(url: str) -> Iterator[None]:
    """What goes wrong with a URL, in one line."""
    try:
        yield
    except ImportError as error:
        raise InputError(f"needs a package that is not installed: {extract.one_line(error)}") from None
    except Exception as error:  # every file system has errors of its own
        raise InputError(f"cannot be reached: {extract.one_line(error)}") from None


def expand_url(url: str) -> list[str]:
    """The files of a URL: a pattern or a folder (its name ends with /) is looked up, anything else is itself."""
    pattern = any(sign in url for sign in "*?[") and not url.startswith(("http://", "https://"))
    if not pattern and not url.endswith("/"):
        return [url]
    import fsspec

    try:
        with _told(url):
            system, inside = fsspec.core.url_to_fs(url)
            found = system.find(inside) if url.endswith("/") else system.glob(inside)
    except InputError as error:
        raise InputError(f"{url} {error}") from None
    return [system.unstrip_protocol(each) for each in sorted(found)]


def identity(path: str) -> list[Any]:
    """What tells that a source changed without reading it: its size and time, its tag, its revision on the Hub."""
    if path.startswith(HUB):
        return [path, _revision(path)]
    if is_url(path):
        import fsspec

        try:
            with _told(path):
                system, inside = fsspec.core.url_to_fs(path)
                about = system.info(inside)
        except InputError as error:
            raise InputError(f"{path} {error}") from None
        tag = next((str(about[name]) for name in ("ETag", "etag", "mtime", "LastModified") if about.get(name)), None)
        return [path, about.get("size"), tag]
    if path == "-":
        return [path]
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return [path, None]
    return [os.fsencode(path).decode(errors="replace"), status.st_size, status.st_mtime_ns]


@contextmanager
def _unpacked(source: IO[bytes], path: str) -> Iterator[IO[bytes]]:
    if path.lower().endswith(".gz"):
        with gzip.open(source) as unpacked, io.BufferedReader(unpacked) as stream:
            yield stream
    elif path.lower().endswith(".zst"):
        import pyarrow

        with pyarrow.CompressedInputStream(source, "zstd") as packed, io.BufferedReader(packed) as stream:
            yield stream
    else:
        yield source


def _sized(found: Iterator[tuple[int, dict[str, Any] | str]], source: IO[bytes]) -> Iterator[Line]:
    before = 0
    for number, row in found:
        place = source.tell()
        yield Line(number, row, place - before)
        before = place


def _jsonl_rows(stream: IO[bytes], encoding: str | None) -> Iterator[tuple[int, dict[str, Any] | str]]:
    lines: Iterator[bytes]
    if encoding:
        text = io.TextIOWrapper(stream, encoding, newline="\n")
        lines = (line.encode() for line in iter(lambda: text.readline(extract.MAX_BYTES + 1), ""))
    else:
        lines = iter(lambda: stream.readline(extract.MAX_BYTES + 1), b"")
    try:
        for number, line in enumerate(lines, 1):
            _check_line(line, number)
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if line.strip():
                yield number, _json_object(line)
    except (EOFError, OSError, UnicodeError) as error:
        raise InputError(f"cannot be read to its end: {extract.one_line(error)}") from None


def _check_line(line: bytes, number: int) -> None:
    if b"\0" in line:
        raise InputError(f"cannot be read: line {number}: a NUL byte: this is binary or UTF-16, not UTF-8 text")
    if len(line) > extract.MAX_BYTES:
        raise InputError(f"cannot be read: line {number}: longer than {extract.MAX_BYTES:,} bytes; one row a line")


def _json_object(line: bytes) -> dict[str, Any] | str:
    try:
        value = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return f"not valid JSON: {extract.one_line(error)}"
    if not isinstance(value, dict):
        return f"{shorten(value)} should be a JSON object, one row a line"
    return value


def _csv_rows(stream: IO[bytes], suffix: str, encoding: str | None) -> Iterator[tuple[int, dict[str, Any] | str]]:
    csv.field_size_limit(extract.MAX_BYTES)
    text = io.TextIOWrapper(stream, encoding or "utf-8-sig", errors="surrogateescape", newline="")
    last = 0
    try:
        first = text.readline(extract.MAX_BYTES)
        # Spreadsheets write semicolons where the comma is the decimal point.
        separator = "\t" if suffix == ".tsv" else ";" if first.count(";") > first.count(",") else ","
        reader = csv.reader(chain([first] if first else [], text), delimiter=separator, strict=True)
        header: list[str] = []
        for record in reader:
            begin, last = last + 1, reader.line_num
            if record and not header:
                header = _header(record)
            elif record:
                yield begin, _csv_row(header, record, separator)
    except csv.Error as error:
        raise InputError(f"cannot be read: line {last + 1}: {error}") from None
    except (EOFError, OSError, UnicodeError) as error:
        raise InputError(f"cannot be read to its end: {extract.one_line(error)}") from None
    finally:
        text.detach()


def _header(record: list[str]) -> list[str]:
    header = [name or f"Unnamed: {place}" for place, name in enumerate(record)]
    if len(set(header)) < len(header):
        raise InputError(f"cannot be read: line 1: two columns have the same name: {', '.join(header)}")
    return header


def _csv_row(header: list[str], record: list[str], separator: str) -> dict[str, Any] | str:
    if len(record) != len(header):
        return f"{len(record)} fields where the header has {len(header)}; quote fields that hold a {separator!r}"
    if any("\udc80" <= character <= "\udcff" for cell in record if not cell.isascii() for character in cell):
        return "bytes that are not UTF-8: name the encoding with --encoding"
    return dict(zip(header, record, strict=True))


def _parquet_rows(source: IO[bytes]) -> Iterator[Line]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(source, pre_buffer=False)
        size = source.seek(0, os.SEEK_END) // max(1, table.metadata.num_rows)
        number = 0
        for batch in table.iter_batches(BATCH):
            for row in batch.to_pylist():
                number += 1
                yield Line(number, row, size)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"cannot be read as Parquet: {extract.one_line(error)}") from None


def _hub_rows(source: str) -> Iterator[Line]:
    """Rows of every split of a Hub dataset, streamed; `datasets` runs no code of the dataset."""
    import datasets

    _silence("datasets", "huggingface_hub", "fsspec")
    name, _, config = source.removeprefix(HUB).partition(":")
    number = 0
    try:
        loaded = datasets.load_dataset(name, config or None, streaming=True)
        for split in loaded:
            for row in loaded[split]:
                number += 1
                yield Line(number, row, 0)
    except Exception as error:  # network, access, formats: each library below has its own
        raise InputError(f"cannot be read from the Hub: {extract.one_line(error)}") from None


def _silence(*libraries: str) -> None:
    """Let nothing be logged by libraries that say on their own what an InputError says in one line."""
    for name in (*libraries, *logging.root.manager.loggerDict):
        if name.split(".")[0] in libraries:
            log = logging.getLogger(name)
            log.handlers, log.propagate = [logging.NullHandler()], False


def _revision(source: str) -> str | None:
    from huggingface_hub import HfApi

    _silence("huggingface_hub")
    try:
        sha = HfApi().dataset_info(source.removeprefix(HUB).partition(":")[0]).sha
    except Exception as error:  # as above
        raise InputError(f"cannot reach {source}: {extract.one_line(error)}") from None
    return str(sha)

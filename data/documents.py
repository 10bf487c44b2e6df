"""Documents of a user: files, folders, patterns, tables of documents and standard input, one after another.

for document in read_documents(find(["news", "speeches.csv", "notes/*.md"])):
    if isinstance(document, Unreadable):
        print(document.name, document.reason)
"""

import glob
import hashlib
import io
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from data import extract, sandbox
from data.errors import InputError, shorten
from data.tables import HUB, TEXT_TABLES, Line, expand_url, is_table, is_url, kind, open_source, rows, text_rows
from data.tables import SUFFIXES as TABLES

STANDARD_INPUT = "standard input"
SUFFIXES = (*extract.SUFFIXES, *TABLES)


class Document(NamedTuple):
    """The text of a document and what is known of it."""

    name: str  # unique in a run: the path as given, path#row or the row's name column, or "standard input"
    text: str  # as extracted; offsets of clauses refer to it
    fields: dict[str, str]  # the other columns of a row; of a file, the folder it lies in
    encoding: str | None  # where it was guessed, e.g. "cp1252"
    size: int = 0  # bytes of the source that were read for it, about


class Unreadable(NamedTuple):
    """A file or row that gave no text; name and reason make a sentence."""

    name: str
    reason: str
    size: int = 0


class File(NamedTuple):
    """A document that is still closed."""

    name: str
    path: str
    size: int
    changed: int  # nanoseconds since 1970


Item = Document | Unreadable | File


def find(sources: Sequence[str]) -> list[str]:
    """Name the documents of files, folders (with all below them) and patterns, each once; `-` stays.

    Raises
    ------
    InputError
        For what is not there, a folder or pattern without a document, and a file of another suffix.

    >>> find(["-"])
    ['-']
    """
    return list(dict.fromkeys(path for source in sources for path in _expand(source)))


def _expand(source: str) -> list[str]:
    if not source:  # an unset variable of a shell, which Path takes for the folder that one is in
        raise InputError("no file '': name documents, folders, patterns, or - for standard input")
    path = Path(source)
    if source == "-" or source.startswith(HUB):
        return [source]
    if is_url(source):
        if not (found := [url for url in expand_url(source) if url.lower().endswith(SUFFIXES)]):
            raise InputError(f"cannot read {source}: its name should end in {', '.join(SUFFIXES)}")
        return found
    if path.is_dir():
        if not (found := _in_folder(path)):
            raise InputError(f"no document in the folder {source}: names should end in {', '.join(SUFFIXES)}")
        return found
    if path.exists():
        if not source.lower().endswith(SUFFIXES):
            raise InputError(f"cannot read {source}: its name should end in {', '.join(SUFFIXES)}; plain text fits -")
        return [source]
    if not glob.has_magic(source):
        raise InputError(f"no file {source}: name documents, folders, patterns, or - for standard input")
    if not (found := _matching(source)):
        raise InputError(f"no document matches {source}: names should end in {', '.join(SUFFIXES)}")
    return found


def _in_folder(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.rglob("*")) if _is_document(path) and not _is_hidden(path, folder)]


def _matching(pattern: str) -> list[str]:
    found: list[str] = []
    for path in map(Path, sorted(glob.glob(pattern, recursive=True))):
        found += _in_folder(path) if path.is_dir() else [str(path)] if _is_document(path) else []
    return found


def _is_document(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def _is_hidden(path: Path, folder: Path) -> bool:
    """Word leaves ~$ files beside open documents, file systems and version control leave dotted ones."""
    return any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)


def read_documents(
    paths: Iterable[str], *, encoding: str | None = None, text_column: str = "text", name_column: str | None = None
) -> Iterator[Document | Unreadable]:
    """Read documents one at a time, each file only when it is asked for.

    Parameters
    ----------
    paths : files as `find` names them, `-` for standard input
    encoding : the encoding of every text, HTML page and text table; None tells it by mark, declaration, UTF-8 or guess
    text_column : the column of a table that holds the text of a document
    name_column : the column that names the documents of a table; else they are path#line, in Parquet path#row

    Yields
    ------
    `Document`, or `Unreadable` for a file or row that cannot be read, is empty or has a name that was there before.

    Raises
    ------
    InputError
        At once, for an encoding that nobody knows; for nothing else.
    """
    found = items(paths, encoding=encoding, text_column=text_column, name_column=name_column)
    return (read_file(item, encoding) if isinstance(item, File) else item for item in found)


def items(
    paths: Iterable[str], *, encoding: str | None = None, text_column: str = "text", name_column: str | None = None
) -> Iterator[Item]:
    """What `read_documents` reads, with the files still closed: rows of tables as documents, other files as `File`."""
    if encoding is not None:
        extract.require_encoding(encoding)
    return _unique(item for path in paths for item in _items(path, encoding, text_column, name_column))


def _unique(found: Iterable[Item]) -> Iterator[Item]:
    # In a temporary file, for the names of many millions of rows would fill the memory.
    with closing(sqlite3.connect("", isolation_level=None)) as names:
        names.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        names.execute("CREATE TABLE names (name BLOB PRIMARY KEY) WITHOUT ROWID")
        for item in found:
            if isinstance(item, Unreadable):
                yield item
                continue
            digest = hashlib.blake2b(item.name.encode(errors="replace"), digest_size=16).digest()
            if names.execute("INSERT OR IGNORE INTO names VALUES (?)", (digest,)).rowcount:
                yield item
            else:
                reason = "is the name of a document before it too: every name should be there once"
                yield Unreadable(item.name, reason, item.size)


def _items(path: str, encoding: str | None, text_column: str, name_column: str | None) -> Iterator[Item]:
    if not is_table(path):
        file = File(_name(path), path, *_status(path))
        yield read_file(file, encoding) if path == "-" else file  # which no other process could read
        return
    try:
        yield from _read_table(path, encoding, text_column, name_column)
    except Exception as error:  # one bad file must not end the run, whatever a library makes of it
        yield Unreadable(_name(path), _reason(error))


def _name(path: str) -> str:
    """A file name may hold bytes that are no text; what is written could not hold them."""
    return STANDARD_INPUT if path == "-" else path.encode(errors="replace").decode()


def _status(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _reason(error: Exception) -> str:
    if isinstance(error, InputError):
        return " ".join(str(error).split())
    told = error.strerror if isinstance(error, OSError) else None
    return f"cannot be read: {told or extract.one_line(error)}"


def read_file(file: File, encoding: str | None = None) -> Document | Unreadable:
    """The document of a file, or what is wrong with it."""
    try:
        suffix = ".txt" if file.path == "-" else Path(file.path).suffix
        text, guessed = sandbox.extract(_bytes(file.path), suffix, encoding)
    except Exception as error:  # as for tables
        return Unreadable(file.name, _reason(error), file.size)
    return Document(file.name, text, _folder(file.path), guessed, file.size)


def _bytes(path: str) -> bytes:
    if path == "-":
        if sys.stdin is None:
            raise InputError("is closed: pipe a text into it")
        return sys.stdin.buffer.read(extract.MAX_BYTES + 1)
    with open_source(path) as file:
        return file.read(extract.MAX_BYTES + 1)


def _folder(path: str) -> dict[str, str]:
    folder = Path(path).parent.name
    return {"folder": folder} if folder not in ("", "..") else {}


def _read_table(
    path: str, encoding: str | None, text_column: str, name_column: str | None
) -> Iterator[Document | Unreadable]:
    any_row = False
    with _decoded(path, encoding) as (lines, guessed):
        for number, row, size in lines:
            any_row = True
            name = _name(f"{path}#{number}")
            if isinstance(row, str):
                yield Unreadable(name, f"cannot be read: {row}", size)
            elif missing := _missing(row, text_column, name_column):
                if kind(path) != ".jsonl":  # the other formats have the same columns in every row
                    raise InputError(missing)
                yield Unreadable(name, missing, size)
            else:
                yield _document(name, row, text_column, name_column, guessed)._replace(size=size)
    if not any_row:
        raise InputError(extract.EMPTY)


@contextmanager
def _decoded(path: str, encoding: str | None) -> Iterator[tuple[Iterator[Line], str | None]]:
    """The rows of a table and its encoding if that was guessed, for which a small file here is looked through."""
    if not _may_be_guessed(path) or (encoding is None and _is_utf8(path)):
        yield rows(path, encoding), None
        return
    text, guessed = extract.decode(_bytes(path), encoding)
    extract.require_text(text)
    yield text_rows(io.BytesIO(text.encode()), path), guessed


def _may_be_guessed(path: str) -> bool:
    return path.lower().endswith(TEXT_TABLES) and not is_url(path) and os.path.getsize(path) <= extract.MAX_BYTES  # noqa: PTH202


def _is_utf8(path: str) -> bool:
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            while file.read(1_000_000):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _missing(row: dict[str, Any], text_column: str, name_column: str | None) -> str | None:
    for column, option in ((text_column, "--text-column"), (name_column, "--name-column")):
        if column is not None and column not in row:
            there = ", ".join(map(repr, row)) or "no column at all"
            return f"has no column {column!r}, only {there}: name the right one with {option}"
    return None


def _document(
    name: str, row: dict[str, Any], text_column: str, name_column: str | None, guessed: str | None
) -> Document | Unreadable:
    text = "" if row[text_column] is None else row[text_column]
    if name_column is not None:
        name = _string(row[name_column]).strip() or name
    try:
        if not isinstance(text, str):
            raise InputError(f"has {shorten(text)} in the column {text_column!r}: it should be text")
        extract.require_text(text)
    except InputError as error:
        return Unreadable(name, str(error))
    fields = {column: _string(value) for column, value in row.items() if column != text_column}
    return Document(name, text, fields, guessed)


def _string(value: object) -> str:
    """A value of a row as text.

    >>> [_string(value) for value in ("a", None, 7, True, ["b"])]
    ['a', '', '7', 'true', '["b"]']
    """
    if isinstance(value, str) or value is None:
        return value or ""
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)

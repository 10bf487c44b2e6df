"""Documents of a user: files, folders, patterns, tables of documents and standard input, one after another.

for document in read_documents(find(["news", "speeches.csv", "notes/*.md"])):
    if isinstance(document, Unreadable):
        print(document.name, document.reason)
"""

import glob
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from data import extract, sandbox
from data.errors import InputError, shorten

STANDARD_INPUT = "standard input"
TABLES = (".jsonl", ".csv", ".tsv", ".parquet")
SUFFIXES = (*extract.SUFFIXES, *TABLES)


class Document(NamedTuple):
    """The text of a document and what is known of it."""

    name: str  # unique in a run: the path as given, path#row or the row's name column, or "standard input"
    text: str  # as extracted; offsets of clauses refer to it
    fields: dict[str, str]  # the other columns of a row; of a file, the folder it lies in
    encoding: str | None  # where it was guessed, e.g. "cp1252"


class Unreadable(NamedTuple):
    """A file or row that gave no text; name and reason make a sentence."""

    name: str
    reason: str


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
    path = Path(source)
    if source == "-":
        return [source]
    if path.is_dir():
        if not (found := _in_folder(path)):
            raise InputError(f"no document in the folder {source}: names should end in {', '.join(SUFFIXES)}")
        return found
    if path.exists():
        if path.suffix.lower() not in SUFFIXES:
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
    return path.suffix.lower() in SUFFIXES and path.is_file()


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
    if encoding is not None:
        extract.require_encoding(encoding)
    return _unique(document for path in paths for document in _read(path, encoding, text_column, name_column))


def _unique(documents: Iterable[Document | Unreadable]) -> Iterator[Document | Unreadable]:
    names: set[str] = set()
    for document in documents:
        if isinstance(document, Document) and document.name in names:
            yield Unreadable(document.name, "is the name of a document before it too: every name should be there once")
        else:
            yield document
        if isinstance(document, Document):
            names.add(document.name)


def _read(
    path: str, encoding: str | None, text_column: str, name_column: str | None
) -> Iterator[Document | Unreadable]:
    """The documents of one file, and what is wrong with it."""
    # A file name may hold bytes that are no text; what is written could not hold them.
    name = STANDARD_INPUT if path == "-" else path.encode(errors="replace").decode()
    try:
        if Path(path).suffix.lower() in TABLES:
            yield from _read_table(path, encoding, text_column, name_column)
        else:
            text, guessed = sandbox.extract(_bytes(path), ".txt" if path == "-" else Path(path).suffix, encoding)
            yield Document(name, text, _folder(path), guessed)
    except InputError as error:
        yield Unreadable(name, " ".join(str(error).split()))
    except OSError as error:
        yield Unreadable(name, f"cannot be read: {error.strerror or extract.one_line(error)}")
    except Exception as error:  # one bad file must not end the run, whatever a library makes of it
        yield Unreadable(name, f"cannot be read: {extract.one_line(error)}")


def _bytes(path: str) -> bytes:
    if path == "-":
        if sys.stdin is None:
            raise InputError("is closed: pipe a text into it")
        return sys.stdin.buffer.read(extract.MAX_BYTES + 1)
    with Path(path).open("rb") as file:
        return file.read(extract.MAX_BYTES + 1)


def _folder(path: str) -> dict[str, str]:
    folder = Path(path).parent.name
    return {"folder": folder} if folder not in ("", "..") else {}


def _read_table(
    path: str, encoding: str | None, text_column: str, name_column: str | None
) -> Iterator[Document | Unreadable]:
    from data.reading import records  # takes most of a second, which a .txt need not wait for

    any_row = False
    with _in_utf8(path, encoding) as (readable, guessed):
        try:
            for record in records(readable, extract.MAX_BYTES):
                any_row = True
                if isinstance(record, str):
                    yield _unparsed(path, readable, record)
                    continue
                name = f"{path}#{record.line}".encode(errors="replace").decode()
                if missing := _missing(record.row, text_column, name_column):
                    if not path.lower().endswith(".jsonl"):  # the other formats have the same columns in every row
                        raise InputError(missing)
                    yield Unreadable(name, missing)
                else:
                    yield _document(name, record.row, text_column, name_column, guessed)
        except InputError as error:
            raise InputError(_reason(readable, str(error))) from None
    if not any_row:
        raise InputError(extract.EMPTY)


@contextmanager
def _in_utf8(path: str, encoding: str | None) -> Iterator[tuple[str, str | None]]:
    """A table as `data.reading` takes it: in UTF-8 and with a suffix in small letters; and its encoding if guessed."""
    suffix = Path(path).suffix
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "table" + suffix.lower())
        if suffix.lower() != ".parquet" and (encoding or not _is_utf8(path)):
            content = _bytes(path)
            extract.require_size(content)
            text, guessed = extract.decode(content, encoding)
            extract.require_text(text)
            copy.write_bytes(text.encode())
            yield str(copy), guessed
        elif suffix in TABLES:
            yield path, None
        else:
            copy.symlink_to(Path(path).resolve())
            yield str(copy), None


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


def _unparsed(path: str, readable: str, message: str) -> Unreadable:
    """What `data.reading` says of a row that is no row."""
    row = re.match(r", (?:line|row) (\d+)", message.removeprefix(readable))
    return Unreadable(f"{path}#{row[1]}" if row else path, _reason(readable, message))


def _reason(readable: str, message: str) -> str:
    """What `data.reading` says of a table, so that it reads on from a name.

    >>> _reason("a.jsonl", "a.jsonl, line 3: not valid JSON")
    'cannot be read: line 3: not valid JSON'
    >>> _reason("a.csv", "a.csv is no regular CSV")
    'is no regular CSV'
    """
    for before, after in ((f"{readable}, ", "cannot be read: "), (f"cannot read {readable}: ", "cannot be read: ")):
        if message.startswith(before):
            message = after + message.removeprefix(before)
    return " ".join(message.replace(readable, "").split())

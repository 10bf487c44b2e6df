"""How coded clauses are written: a table, JSON lines, CSV or Parquet; files appear whole or not at all."""

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.errors import InputError, replacing, visible, without_controls

Rows = list[dict[str, Any]]
FORMATS = ("table", "jsonl", "csv", "parquet")
# Colours that people with the common kinds of colour blindness tell apart (Wong 2011); the code is always written too.
COLOURS = {"oppose": "#d55e00", "support": "#0072b2", "call-for": "#009e73", "none": "bright_black"}
# What a spreadsheet would take for a formula, also in the full width of East Asian scripts.
_FORMULA = tuple("=+-@＝＋－＠")


class Output(AbstractContextManager["Output"]):
    """Takes the rows of one document after the other; a file gets its name when all of them are written."""

    def __init__(self, path: Path | None, labels: list[str]):
        self.path, self.labels = path, labels
        self._replacing = replacing(path) if path else None
        self._temporary = self._replacing.__enter__() if self._replacing else None

    def write(self, document: str, rows: Rows) -> None:
        """Add the rows of a document."""
        raise NotImplementedError

    def close(self) -> None:
        """Finish the file."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except BaseException as failure:
            self._leave(type(failure), failure, failure.__traceback__)
            raise
        self._leave(kind, error, trace)

    def _leave(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._replacing:
            self._replacing.__exit__(kind, error, trace)


class _Lines(Output):
    """Lines of text, to a file or to standard output."""

    encoding = "utf-8"

    def __init__(self, path: Path | None, labels: list[str]):
        super().__init__(path, labels)
        self._file: IO[str] = (
            self._temporary.open("w", encoding=self.encoding, newline="") if self._temporary else sys.stdout
        )

    def close(self) -> None:
        """Finish the file; standard output stays open."""
        if self.path:
            self._file.close()


class Jsonl(_Lines):
    """One JSON object a clause."""

    def write(self, document: str, rows: Rows) -> None:
        """Add the rows of a document."""
        self._file.writelines(map(json_line, rows))


class Csv(_Lines):
    """One line a clause; a cell that a spreadsheet would run as a formula begins with an apostrophe."""

    def __init__(self, path: Path | None, labels: list[str], bom: bool = False):
        self.encoding = "utf-8-sig" if bom else "utf-8"
        super().__init__(path, labels)
        self._writer = csv.writer(self._file)
        self._head: list[str] = []

    def close(self) -> None:
        """Finish the file, which has its head also when there was nothing to code."""
        if not self._head:
            self._writer.writerow(columns(self.labels))
        super().close()

    def write(self, document: str, rows: Rows) -> None:
        """Add the rows of a document."""
        for row in map(flat, rows):
            if not self._head:
                self._head = list(row)
                self._writer.writerow(map(harmless, self._head))
            self._writer.writerow([harmless(row[name]) for name in self._head])


class Parquet(Output):
    """A table of Parquet, a row group a batch."""

    BATCH = 10_000

    def __init__(self, path: Path | None, labels: list[str]):
        if path is None:
            raise InputError("Parquet cannot be printed: name a file with --output coded.parquet")
        super().__init__(path, labels)
        self._rows: Rows = []
        self._writer: Any = None

    def write(self, document: str, rows: Rows) -> None:
        """Add the rows of a document."""
        self._rows += map(flat, rows)
        if len(self._rows) >= self.BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist(self._rows) if self._rows else _empty(self.labels)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._temporary, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))
        self._rows = []

    def close(self) -> None:
        """Write what is left and the footer."""
        if self._rows or self._writer is None:
            self._flush()
        self._writer.close()


class Tables(Output):
    """A readable table a document, with colour where the terminal has it."""

    def __init__(self, path: Path | None, labels: list[str]):
        super().__init__(path, labels)
        self._buffer = io.StringIO()
        self._console = Console(highlight=False, file=self._buffer if path else None, width=120 if path else None)

    def write(self, document: str, rows: Rows) -> None:
        """Add the table of a document and its counts."""
        table = Table(
            title=Text(visible(document)),
            title_justify="left",
            title_style="bold",
            expand=False,
            box=None,
            padding=(0, 1),
        )
        table.add_column("code", no_wrap=True)
        table.add_column("sure", justify="right")
        table.add_column("clause", overflow="fold")
        for row in rows:
            # Text keeps square brackets and escape codes of the document from being taken for markup.
            clause = Text(" ".join(visible(row["text"]).split()), style="dim" if row["label"] == "none" else "")
            if row.get("because"):
                clause.append("\n" + visible(told(row["because"])), style="italic dim")
            table.add_row(
                Text(visible(row["label"]), style=COLOURS.get(row["label"], "")), f"{row['confidence']:.0%}", clause
            )
        self._console.print(table)
        labels = [visible(row["label"]) for row in rows]
        counts = ", ".join(f"{label} {count}" for label, count in Counter(sorted(labels)).most_common())
        self._console.print(Text(f" {len(rows)} clauses: {counts}\n"))

    def close(self) -> None:
        """Write the file, if there is one."""
        if self._temporary:
            self._temporary.write_text(self._buffer.getvalue(), encoding="utf-8")


def open_output(form: str, path: Path | None, labels: list[str], bom: bool = False) -> Output:
    """The output of a format, to a file or to standard output."""
    makers: dict[str, Callable[[], Output]] = {
        "table": lambda: Tables(path, labels),
        "jsonl": lambda: Jsonl(path, labels),
        "csv": lambda: Csv(path, labels, bom),
        "parquet": lambda: Parquet(path, labels),
    }
    return makers[form]()


def form_of(path: Path) -> str:
    """The format that the name of a file asks for; InputError where it asks for none."""
    forms = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet", ".txt": "table"}
    if path.suffix.lower() not in forms:
        raise InputError(f"cannot tell the format of {path}: its name should end in {', '.join(forms)}")
    return forms[path.suffix.lower()]


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without nesting: `p_LABEL` for each probability, the phrases behind the code as one text."""
    plain = {name: value for name, value in row.items() if name not in ("probabilities", "because")}
    plain |= {f"p_{label}": value for label, value in row["probabilities"].items()}
    return plain | ({"because": told(row["because"])} if "because" in row else {})


def told(because: Iterable[tuple[str, float]]) -> str:
    """`reject +2.31 · the tariffs +0.40`."""
    return " · ".join(f"{phrase} {weight:+.2f}" for phrase, weight in because)


# What JSON lets stand but a terminal obeys, some readers take for the end of a line, or UTF-8 cannot say.
_ESCAPED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def json_line(value: dict[str, Any]) -> str:
    r"""One line of JSON that reads back as the same value, and holds nothing that a terminal would obey.

    >>> json_line({"text": "café\u202e"})
    '{"text": "café\\u202e"}\n'
    """
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def harmless(cell: Any) -> Any:
    """A cell that no spreadsheet runs and no terminal obeys.

    >>> harmless("=1+1"), harmless("We agree."), harmless(-3)
    ("'=1+1", 'We agree.', -3)
    """
    if not isinstance(cell, str):
        return cell
    cell = without_controls(cell)
    if cell[:1].isspace() or cell.lstrip("\ufeff\u200b").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def columns(labels: list[str]) -> list[str]:
    """The columns of a flat row."""
    return ["document", "start", "end", "text", "label", "confidence", *(f"p_{label}" for label in labels)]


def encode(form: str, rows: Rows, labels: list[str], *, because: bool = False) -> bytes:
    """The bytes of a whole file of rows, jsonl or parquet; those of Parquet have the same columns even without rows."""
    if form == "jsonl":
        return "".join(map(json_line, rows)).encode()
    import pyarrow
    import pyarrow.parquet

    schema = _empty(labels).schema
    if because:
        schema = schema.append(pyarrow.field("because", pyarrow.string()))
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([flat(row) for row in rows], schema=schema), buffer)
    return bytes(buffer.getvalue().to_pybytes())


def _empty(labels: list[str]) -> Any:
    import pyarrow

    kinds = dict.fromkeys(columns(labels), pyarrow.float64()) | dict.fromkeys(("start", "end"), pyarrow.int64())
    kinds |= dict.fromkeys(("document", "text", "label"), pyarrow.string())
    return pyarrow.schema(list(kinds.items())).empty_table()

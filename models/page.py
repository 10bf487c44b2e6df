"""Coded documents as one HTML page to read, filter and print; it needs no network and opens from a file.

html = render_page([CodedDocument("a.txt", text, records)], labels, title="Two statements", model="stance.joblib")
"""

import base64
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from data.errors import InputError, shorten, without_controls
from data.rows import UNCERTAIN

TEMPLATE = Path(__file__).with_name("page.html.jinja")
# Letter, colour and underline of the codes: colours that people with the common kinds of colour blindness tell apart
# (Wong 2011, Points of view: Color blindness, Nature Methods 8:441).
KNOWN = {
    "oppose": ("O", "#d55e00", "2px solid"),
    "support": ("S", "#0072b2", "4px double"),
    "call-for": ("C", "#009e73", "3px dotted"),
    "none": ("–", "#767676", ""),
    UNCERTAIN: ("?", "#767676", ""),
}
# What other labels are given in turn: first what is left of that palette, then the colours of codes that are not here.
PALETTE = ("#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#d55e00", "#0072b2", "#009e73")
LINES = ("2px dashed", "4px solid", "6px double", "5px dotted", "4px dashed")


class CodedDocument(NamedTuple):
    """A document and its coded clauses.

    Each record holds `document, start, end, text, label, confidence, probabilities` as `models.annotate.annotate`
    yields them, and `because`: phrases of the clause with their additive weight for the label, largest first.
    """

    name: str
    text: str
    records: list[dict[str, Any]]


class Code(NamedTuple):
    """How a label is shown."""

    label: str
    letter: str
    colour: str
    line: str
    meaning: str

    @property
    def rgb(self) -> str:
        """The colour as CSS takes it beside an opacity: `213 94 0`."""
        return " ".join(str(value) for value in bytes.fromhex(self.colour[1:]))

    @property
    def ink(self) -> str:
        """Black or white, whichever stands out on the colour: at least 4.58 to 1."""
        return "#000" if _luminance(self.colour) > 0.179 else "#fff"

    @property
    def css_letter(self) -> str:
        """The letter as an escape that no string of CSS can end early."""
        return f"\\{ord(self.letter):06x}"


class Piece(NamedTuple):
    """A stretch of a document: a clause with the place of its code, or what stands between clauses (code None)."""

    text: str
    code: int | None = None
    percent: int = 0


class Part(NamedTuple):
    """One code's part of a bar: where it begins and how wide it is, in percent."""

    code: int
    number: int
    x: float
    width: float


def render_page(
    documents: Sequence[CodedDocument],
    labels: Sequence[str],
    *,
    title: str,
    model: str,
    codebook: dict[str, str] | None = None,
) -> str:
    """The page of coded documents: the same input gives the same bytes.

    Parameters
    ----------
    documents : each whole, with its coded clauses
    labels : the model's labels in the order of display; `uncertain` is added where a clause has it
    title, model : the heading, and one line that says which model coded
    codebook : a short meaning for any of the labels

    Raises
    ------
    InputError
        When clauses overlap or are not the characters of their document that they claim to be, when a label is
        unknown, or when a confidence, probability or weight is no sensible number.

    >>> records = [dict(document="a", start=0, end=11, text="We like it.", label="pro", confidence=0.9,
    ...                 probabilities={"pro": 0.9, "con": 0.1}, because=[("like", 1.2)])]
    >>> page = render_page([CodedDocument("a", "We like it.", records)], ["con", "pro"], title="One", model="mine")
    >>> 'aria-label="pro, 90 %: We like it."' in page
    True
    """
    names = list(dict.fromkeys(labels))
    for document in documents:
        _check(document, {*names, UNCERTAIN})
    shown = [*names]
    if UNCERTAIN not in names and any(r["label"] == UNCERTAIN for each in documents for r in each.records):
        shown.append(UNCERTAIN)
    codes = style_codes(shown, codebook or {})
    counts = [Counter(record["label"] for record in document.records) for document in documents]
    return _template().render(
        title=title,
        model=model,
        codes=codes,
        documents=[
            {"name": document.name, "pieces": list(_pieces(document, shown)), "bar": _bar(count, shown)}
            for document, count in zip(documents, counts, strict=True)
        ],
        bar=_bar(sum(counts, Counter()), shown),
        total=sum(count.total() for count in counts),
        data=_script_json(
            {"codes": [without_controls(name) for name in shown], **_panel_data(documents, names, codes)}
        ),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"csp": _csp_hash, "visible": without_controls, "thousands": "{:,}".format}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def style_codes(labels: Sequence[str], codebook: dict[str, str]) -> list[Code]:
    """Every label with a letter of its own, a colour and an underline.

    >>> [(code.label, code.letter, code.colour) for code in style_codes(["support", "pro", "soft"], {})]
    [('support', 'S', '#0072b2'), ('pro', 'P', '#cc79a7'), ('soft', 'O', '#e69f00')]
    """
    taken = {KNOWN[label][0] for label in labels if label in KNOWN}
    free = [colour for colour in PALETTE if colour not in {KNOWN[label][1] for label in labels if label in KNOWN}]
    codes, others = [], 0
    for label in labels:
        if label in KNOWN:
            letter, colour, line = KNOWN[label]
        else:
            letter = _letter(label, taken)
            taken.add(letter)
            colour, line = free[others % len(free)], LINES[others % len(LINES)]
            others += 1
        codes.append(Code(label, letter, colour, line, codebook.get(label, "")))
    return codes


def _letter(label: str, taken: set[str]) -> str:
    """The first letter of the label that no other label has; else the first free one of the alphabet and beyond."""
    own = [each.upper()[0] for each in label if each.isalnum()]
    # Circled numbers and what follows them are more than any model has labels.
    rest = [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", *map(chr, range(0x2460, 0x3000))]
    return next((each for each in [*own, *rest] if each not in taken), "•")


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` by WCAG 2."""
    parts = [value / 255 for value in bytes.fromhex(colour[1:])]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _in_order(document: CodedDocument) -> list[dict[str, Any]]:
    return sorted(document.records, key=lambda record: record["start"])


def _check(document: CodedDocument, labels: set[str]) -> None:
    end = 0
    for number, record in enumerate(_in_order(document), start=1):
        place = f"{document.name}, clause {number}, characters {record['start']} to {record['end']}"
        if record["start"] < end:
            raise InputError(f"{place}: it begins before character {end}, where the one before ends; cut them apart")
        end = record["end"]
        if not record["text"] or document.text[record["start"] : end] != record["text"]:
            raise InputError(f"{place}: {shorten(record['text'])} does not stand there; code the document again")
        if record["label"] not in labels:
            known = ", ".join(sorted(labels))
            raise InputError(f"{place}: label {shorten(record['label'])} is none of the model's: {known}")
        for value in (record["confidence"], *record["probabilities"].values()):
            if not 0 <= value <= 1:
                raise InputError(f"{place}: {value} is no probability; give a number from 0 to 1")
        for phrase, weight in record["because"]:
            if not math.isfinite(weight):
                raise InputError(f"{place}: the weight of {shorten(phrase)} is {weight}; give a finite number")


def _percent(value: float) -> int:
    return math.floor(100 * value + 0.5)


def _pieces(document: CodedDocument, labels: list[str]) -> Iterator[Piece]:
    end = 0
    for record in _in_order(document):
        if record["start"] > end:
            yield Piece(document.text[end : record["start"]])
        end = record["end"]
        yield Piece(record["text"], labels.index(record["label"]), _percent(record["confidence"]))
    if end < len(document.text):
        yield Piece(document.text[end:])


def _bar(counts: Counter[str], labels: list[str]) -> list[Part]:
    parts, total, before = [], max(counts.total(), 1), 0
    for code, label in enumerate(labels):
        count = counts[label]
        parts.append(Part(code, count, round(100 * before / total, 3), round(100 * count / total, 3)))
        before += count
    return parts


def _panel_data(documents: Sequence[CodedDocument], names: list[str], codes: list[Code]) -> dict[str, Any]:
    """What the panel shows of each clause beyond its element: the probabilities of all labels, and the phrases."""
    return {
        "meanings": [without_controls(code.meaning) for code in codes],
        "clauses": [
            [
                [round(float(record["probabilities"].get(name, 0)), 4) for name in names],
                [[without_controls(phrase), round(float(weight), 4)] for phrase, weight in record["because"]],
            ]
            for document in documents
            for record in _in_order(document)
        ],
    }


def _script_json(value: Any) -> Markup:
    """JSON that can end no script element and holds no line end that a script would trip over."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for each in "<>&\u2028\u2029":
        text = text.replace(each, f"\\u{ord(each):04x}")
    return Markup(text)


def _csp_hash(content: str) -> str:
    """The source expression by which a content security policy lets exactly this inline script or style through."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()

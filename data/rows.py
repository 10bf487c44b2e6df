"""What a labelled clause is: the fields of a row and the rules that every row keeps.

A row of a user's own file needs only `text` and `label`; the corpus in data/clauses has all but `date` and `coders`.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict  # pydantic needs this one before Python 3.12

from data.errors import shorten

CODES = ("oppose", "support", "call-for", "none")
NO_POSITION = "none"
UNCERTAIN = "uncertain"  # never a gold code: what a model leaves to coders
MAX_CHARACTERS = 20_000


def _printable(text: str) -> str:
    if "\0" in text:
        raise ValueError("should hold no NUL character")
    if not text.strip():
        raise ValueError("should hold more than white space")
    return text


def _listed(value: object) -> object:
    """CSV has no lists: there `coders` is written `support|none`."""
    return value.split("|") if isinstance(value, str) else value


def _iso_date(value: str) -> str:
    if not re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", value):
        raise ValueError("should read YYYY, YYYY-MM or YYYY-MM-DD")
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", value):
        raise ValueError("should be a language code such as en or pt-BR")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_printable)]
# Codes and names are often numbers in other people's files.
Name = Annotated[
    str,
    Field(coerce_numbers_to_str=True),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    AfterValidator(_printable),
]


class Row(TypedDict):
    """One clause, as it stands in a file."""

    __pydantic_config__ = ConfigDict(extra="ignore")  # type: ignore[misc]

    id: NotRequired[Name]
    document: NotRequired[Name]
    position: NotRequired[Annotated[int, Field(ge=1, le=2**31 - 1)]]
    text: Text
    label: Name
    register: NotRequired[Name]
    topic: NotRequired[Name]
    date: NotRequired[Annotated[str, AfterValidator(_iso_date)]]
    language: NotRequired[Annotated[str, AfterValidator(_language)]]
    split: NotRequired[Literal["train", "test"]]
    coders: NotRequired[Annotated[list[Name], Field(min_length=1), BeforeValidator(_listed)]]


FIELDS = tuple(Row.__annotations__)
_adapter = TypeAdapter(Row)


def validate(row: dict[str, Any], labels: tuple[str, ...] | None = None) -> tuple[Row | None, list[str]]:
    """Check one row: returns it with its types in order, or None and what is wrong with each field.

    An optional field that is null or empty counts as absent. With `labels`, no other label is allowed.

    >>> validate({"text": "We oppose the tariff.", "label": "opose"}, labels=CODES)
    (None, ["field 'label', value 'opose': should be one of oppose, support, call-for, none"])
    """
    present = {key: value for key, value in row.items() if key in ("text", "label") or value not in (None, "")}
    try:
        valid = _adapter.validate_python(present)
    except ValidationError as error:
        return None, [_problem(dict(detail)) for detail in error.errors(include_url=False)]
    if labels and valid["label"] not in labels:
        return None, [f"field 'label', value {shorten(valid['label'])}: should be one of {', '.join(labels)}"]
    return valid, []


def _problem(detail: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"field {field!r}: missing"
    rule = detail["msg"].removeprefix("Value error, ")
    return f"field {field!r}, value {shorten(detail['input'])}: {rule[0].lower()}{rule[1:]}"

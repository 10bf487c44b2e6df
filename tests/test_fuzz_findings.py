"""What fuzzing found, and a short run of every target, so that the harness itself stays true."""

import random

import fuzz
import pytest
from test_sandbox import loop

from data import sandbox
from data.errors import InputError
from models.outputs import harmless

# Bytes as `tests/fuzz.py` reads them.
FINDINGS = [
    ("outputs", b"\n"),  # a cell that begins with a line end, and could begin a formula on the next line
    ("row", b"\n\x1e\xa6"),  # a lone surrogate, which JSON cannot hold
    ("arrays", b"!/[Y/\xff"),  # a header of an array that is no Python, on which NumPy's tokenizer fails
    ("extract", b"\xea\x07\x6c\xea\x07"),  # an object of a PDF that is a reference to itself
]


@pytest.mark.parametrize(("target", "data"), FINDINGS)
def test_a_finding_stays_mended(target: str, data: bytes) -> None:
    fuzz.TARGETS[target](data)


def test_a_pdf_that_refers_to_itself_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    with pytest.raises(InputError, match=r"^takes more than 1 s"):
        sandbox.extract(loop(), ".pdf")


def test_a_line_end_before_a_formula_hides_it_not() -> None:
    assert harmless("\n=1+1") == "'\n=1+1"


@pytest.mark.parametrize("target", sorted(fuzz.TARGETS))
def test_every_target_holds_for_a_few_inputs(target: str) -> None:
    draw = random.Random(0)
    for size in (0, 1, 5, 40, 300):
        fuzz.TARGETS[target](draw.randbytes(size))

"""The page of an evaluation: everything is in it, and nothing of a text runs or breaks out."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Result
from tiny_corpus import tiny_rows, write_jsonl

Call = Callable[..., Result]
HOSTILE = "They met </td><script>alert(1)</script> | and ![x](y) on {{ 7 * 7 }} <b>"


@pytest.fixture
def out(call: Call, tmp_path: Path) -> Path:
    model = tmp_path / "m.joblib"
    assert call("train", "--data", write_jsonl(tmp_path / "t.jsonl", tiny_rows()), "--model", model).status == 0
    gold = [{"document": f"d{n}", "text": f"{HOSTILE} {n}", "label": "oppose"} for n in range(3)]
    gold += [{"document": f"d{n}", "text": f"We welcome it {n}.", "label": "support"} for n in range(3)]
    options = ("--data", write_jsonl(tmp_path / "gold.jsonl", gold), "--out", tmp_path / "out", "--fast")
    assert call("eval", "--model", model, *options).status == 0
    return tmp_path / "out"


def test_the_page_holds_its_numbers_and_pictures(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    report = json.loads((out / "metrics.json").read_text())
    assert f"{report['scores']['model']['accuracy']['value']:.3f}" in page
    assert page.count("<img ") == page.count("data:image/png;base64,") == 5
    assert not re.search(r"(src|href)=[\"'](?!data:)", page), "nothing is fetched"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_without_a_word_on_the_console_and_fits_a_phone(
    out: Path, show: Callable[..., Any], width: int
) -> None:
    page = show((out / "index.html").read_text(encoding="utf-8"), width=width)
    assert page.locator("h2").count() > 10
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 100)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "only tables scroll sideways"


def test_a_text_stays_text(out: Path) -> None:
    page, markdown = ((out / name).read_text(encoding="utf-8") for name in ("index.html", "report.md"))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7 * 7 }}" in page
    row = next(line for line in markdown.splitlines() if "They met" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 6, "five cells"
    assert "<script" not in markdown


def test_the_same_evaluation_gives_the_same_bytes(out: Path, call: Call, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = ("--data", tmp_path / "gold.jsonl", "--out", out, "--fast")
    assert call("eval", "--model", tmp_path / "m.joblib", *again).status == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before

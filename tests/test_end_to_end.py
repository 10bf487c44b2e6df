"""Judging whole documents: numbers by hand, and what is missing is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from tiny_corpus import tiny_rows, write_jsonl

from data.errors import InputError
from eval.documents import Span, boundaries, judge_documents, recovery

Call = Callable[..., Result]
TEXT = "They reject the new tariffs on steel and urge both sides to talk. The summit ended on Friday."
FIRST, SECOND = TEXT.index("and urge"), TEXT.index("The summit")
WORDS = [match for match in range(len(TEXT)) if match == 0 or TEXT[match - 1] == " "]
GOLD = [Span(0, FIRST - 1, "oppose"), Span(FIRST, SECOND - 1, "call-for"), Span(SECOND, len(TEXT), "none")]


def test_boundaries_match_one_to_one_within_two_words() -> None:
    near = [
        Span(0, 5, ""),
        Span(WORDS[8], 30, ""),
        Span(WORDS[9], 60, ""),
    ]  # "and urge" is word 7, "The summit" word 13
    assert boundaries(near, GOLD, WORDS).tolist() == [1, 2, 2]
    assert boundaries(GOLD, GOLD, WORDS).tolist() == [2, 2, 2]
    assert boundaries([Span(0, len(TEXT), "")], GOLD, WORDS).tolist() == [0, 0, 2]


def test_a_clause_is_recovered_when_most_words_are_shared() -> None:
    assert recovery(GOLD, GOLD, WORDS) == [True, True, True]
    whole = [Span(0, SECOND - 1, ""), Span(SECOND + 4, len(TEXT), "")]  # without "The": 4 of 5 words
    assert recovery(whole, GOLD, WORDS) == [False, False, True]


def write(folder: Path, gold: list[Span]) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(TEXT, encoding="utf-8")
    rows = [{"document": "a", "text": TEXT[s:e], "start": s, "end": e, "label": label} for s, e, label in gold]
    return str(write_jsonl(folder / "gold.jsonl", rows))


def test_a_perfect_coder_scores_one_end_to_end(tmp_path: Path) -> None:
    gold = write(tmp_path / "texts", GOLD)
    codes = {TEXT[span.start : span.end]: span.label for span in GOLD}
    judged = judge_documents(
        lambda texts: [codes[text] for text in texts], tmp_path / "texts", gold, list(codes.values()), {}
    )
    assert judged["boundaries"] == {"precision": 1, "recall": 1, "f1": 1}
    assert judged["recovered"] == 1
    assert judged["by_word"]["cut here"]["accuracy"]["value"] == 1
    assert judged["by_word"]["cut here"]["clauses"] == len(TEXT.split())


def test_a_wrong_code_costs_its_words(tmp_path: Path) -> None:
    gold = write(tmp_path / "texts", GOLD)
    judged = judge_documents(
        lambda texts: ["none"] * len(texts), tmp_path / "texts", gold, ["oppose", "call-for", "none"], {}
    )
    assert judged["by_word"]["cut here"]["accuracy"]["value"] == pytest.approx(5 / len(TEXT.split()))


def test_offsets_are_those_of_the_bytes_as_they_are(tmp_path: Path) -> None:
    """Line ends of two characters count as two; a mark of the encoding counts as none; no label need be `none`."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfThey reject it.\r\n\r\nThey welcome the new pact.")
    rows = [
        {"document": "a", "start": 0, "end": 15, "label": "con"},
        {"document": "a", "start": 19, "end": 45, "label": "pro"},
    ]
    gold = str(write_jsonl(tmp_path / "gold.jsonl", rows))
    codes = {"They reject it.": "con", "They welcome the new pact.": "pro"}
    judged = judge_documents(lambda texts: [codes[text] for text in texts], tmp_path, gold, ["con", "pro"], {})
    assert judged["by_word"]["cut here"]["accuracy"]["value"] == judged["recovered"] == 1
    with pytest.raises(InputError, match="is left to judge"):
        judge_documents(list, tmp_path, gold, ["con"], {}, documents={"b"})


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    gold = write(tmp_path / "texts", GOLD)
    with pytest.raises(InputError, match=r"no document a\.txt in"):
        judge_documents(list, tmp_path, gold, [], {})
    bad = write_jsonl(tmp_path / "bad.jsonl", [{"document": "a", "label": "none"}])
    with pytest.raises(InputError, match="needs document, start, end and label"):
        judge_documents(list, tmp_path / "texts", str(bad), [], {})
    late = write(tmp_path / "texts", [Span(0, 900, "none")])
    with pytest.raises(InputError, match="after the end of its text"):
        judge_documents(list, tmp_path / "texts", late, [], {})


def test_the_command_reports_it(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "m.joblib"
    assert call("train", "--data", write_jsonl(tmp_path / "t.jsonl", tiny_rows()), "--model", model).status == 0
    gold = write(tmp_path / "texts", GOLD)
    done = call("eval", "--model", model, "--data", gold, "--documents", tmp_path / "texts", "--out", tmp_path / "out")
    assert done.status == 0, done.err
    assert "1 documents end to end: boundaries precision 1.000, recall 1.000, F1 1.000; 100.0%" in done.out
    assert json.loads((tmp_path / "out/metrics.json").read_text())["documents"]["recovered"] == 1
    alone = call("eval", "--model", model, "--documents", tmp_path / "texts")
    assert alone.status == 2
    assert "--data should name the gold clauses" in alone.err

"""What is reported of the corpus and demanded of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from datasets import Dataset
from tiny_corpus import tiny_rows, write_jsonl

from data.checks import clause_lengths, copied_from, exact_duplicates, label_mix
from data.reading import FEATURES, read_clauses
from eval.agreement import alpha, alpha_by
from eval.data_report import agreement, by_field, curve, vocabulary_growth


def dataset(texts: list[str], labels: list[str] | None = None, documents: list[str] | None = None) -> Dataset:
    rows = [
        dict.fromkeys(FEATURES)
        | {"id": str(n), "position": 1, "document": (documents or ["d"] * len(texts))[n], "text": text}
        | {"label": (labels or ["none"] * len(texts))[n]}
        for n, text in enumerate(texts)
    ]
    return Dataset.from_list(rows, features=FEATURES)


def test_alpha_by_hand() -> None:
    """Krippendorff (2011), computing alpha, nominal data, two observers: his example A has alpha 0.095."""
    one, two = "0100000000", "1110010010"
    assert alpha([list(pair) for pair in zip(one, two, strict=True)]) == pytest.approx(0.095, abs=0.001)


def test_alpha_of_agreement_of_one_coder_and_of_nothing() -> None:
    assert alpha([["x", "x"], ["y", "y"]]) == 1
    assert alpha([["x"], ["y"], None]) is None
    assert alpha([]) is None
    assert alpha_by(["b", "a", "a"], [["x", "y"], ["x", "x"], ["y", "y"]]) == {"a": 1, "b": pytest.approx(0, abs=1)}


def test_lengths_are_checked() -> None:
    assert [line.split(":")[0] for line in clause_lengths(dataset(["Peace", "Two words", "w " * 121]))] == ["0", "2"]


def test_exact_duplicates_are_found_over_four_words() -> None:
    texts = ["We meet here.", "we meet here", "We all meet here today.", "We all meet, here, today"]
    assert [line.split()[0] for line in exact_duplicates(dataset(texts))] == ["3"]


def test_the_mix_of_codes_is_checked() -> None:
    assert label_mix(dataset(["x"] * 4, ["oppose", "support", "call-for", "none"])) == []
    assert [line.split()[0] for line in label_mix(dataset(["x"] * 3, ["oppose", "oppose", "none"]))] == [
        "oppose",
        "support",
        "call-for",
    ]


def test_copied_text_is_found_across_clauses(tmp_path: Path) -> None:
    sentence = "one two three four five six seven eight nine ten eleven twelve thirteen"
    ours = dataset([*sentence.split(" seven ")], documents=["a", "a"])
    write_jsonl(tmp_path / "real.jsonl", [{"text": sentence.replace(" seven ", " ")}])
    assert copied_from(ours, tmp_path) == [], "twelve words are no copy"
    halves = dataset(["One two three four five six", "seven eight nine, ten eleven twelve thirteen."])
    (tmp_path / "real.txt").write_text("So: " + sentence.upper())
    assert len(copied_from(halves, tmp_path)) == 1
    assert copied_from(halves, tmp_path / "not there") == []


def test_counts_add_up() -> None:
    head, rows = by_field(dataset(["a", "b", "c"], ["oppose", "none", "none"], ["x", "x", "y"]), "document")
    assert head == ["document", "documents", "clauses", "oppose", "support", "call-for", "none"]
    assert rows[0] == ["x", 1, 2, "50%", "0%", "0%", "50%"]
    assert rows[-1][:3] == ["all", 2, 3]


def test_vocabulary_never_shrinks() -> None:
    points = vocabulary_growth(["a b c", "a b", "d"] * 5)
    assert points == sorted(points)
    assert points[-1] == (30, 4)


def test_the_learning_curve_never_shares_a_document(tiny: Path) -> None:
    clauses = read_clauses(tiny)
    points = curve(clauses, clauses, "gold", jobs=1)
    assert points[-1]["documents"] == pytest.approx(5, abs=1)
    assert [len(scores) for scores in points[-1]["scores"].values()] == [5, 5]


def test_agreement_without_coders_is_not_available(tiny: Path) -> None:
    assert agreement(read_clauses(tiny))[1][0] == ["all", 0, "n/a", "n/a"]


def test_the_report_is_one_self_contained_page(
    call: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/clauses").mkdir(parents=True)
    rows = [
        row | {"register": "<b>wire</b>", "coders": [row["label"], "none" if n % 5 == 0 else row["label"]]}
        for n, row in enumerate(tiny_rows())
    ]
    write_jsonl(tmp_path / "data/clauses/wire.jsonl", rows)
    fresh = [row | {"text": f"So it was in June: {row['text']}"} for row in rows]
    done = call("eval.data_report", "--out", "out", "--jobs", 1, "--data", write_jsonl(tmp_path / "gold.jsonl", fresh))
    assert done.status == 0, done.err
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;wire" in page
    assert "<b>wire" not in page
    assert page.count("data:image/png;base64,") == 4
    assert "http:" not in page
    assert "https:" not in page
    report = json.loads((tmp_path / "out/data.json").read_text())
    assert report["tables"]["agreement"][1][0][1] == 24
    assert (tmp_path / "out/learning_curve.csv").read_text().startswith("documents,clauses,macro-F1")

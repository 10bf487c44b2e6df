"""Comparing settings and cross-validating: honest, resumable, and told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from tiny_corpus import tiny_rows, write_jsonl

from data.reading import read_clauses
from eval.candidates import candidates
from eval.tune import ROOT, sources
from models.classifier import Settings

Call = Callable[..., Result]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """The tiny corpus five times over, each time about other goods."""
    rows = [
        row | {"document": f"{row['document']}-{n}", "text": f"{row['text']} {word}.", "topic": word}
        for n, word in enumerate(("Wool", "Silk", "Salt", "Coal", "Wine"))
        for row in tiny_rows()
    ]
    return write_jsonl(tmp_path / "many.jsonl", rows)


def test_the_default_is_among_the_candidates() -> None:
    assert sum(settings == Settings() for settings in candidates().values()) == 1
    assert len(candidates()) >= 25


def test_what_a_result_depends_on_is_the_same_in_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: Path
) -> None:
    clauses = read_clauses(str(many))
    before = sources(clauses)
    monkeypatch.chdir(tmp_path)
    assert sources(clauses) == before


def test_other_code_to_count_words_is_another_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: Path
) -> None:
    clauses = read_clauses(str(many))
    before = sources(clauses)
    for folder in ("features", "models"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("stance.*"))
    monkeypatch.setattr("eval.tune.ROOT", tmp_path)
    assert sources(clauses) == before
    with (tmp_path / "models/counting.py").open("a") as file:
        file.write("# another")
    assert sources(clauses)["code"] != before["code"]


def test_tuning_ranks_and_goes_on_where_it_stopped(call: Call, many: Path, tmp_path: Path) -> None:
    options = ("--data", many, "--out", tmp_path / "out", "--jobs", 1)
    first = call("eval.tune", *options, "--only", "C=1")
    assert first.status == 0, first.err
    assert "2 candidates on" in first.err
    results = tmp_path / "out/results.jsonl"
    gold = write_jsonl(tmp_path / "gold.jsonl", [row | {"text": f"{row['text']} In the end."} for row in tiny_rows()])
    with results.open("a") as file:
        file.write('{"key": "cut sho')
    again = call("eval.tune", *options, "--only", "C=1", "--only", "words 1–2", "--gold", gold)
    assert "3 candidates on 92 clauses, 0 of them done before" in again.err, "gold was not asked for the first time"
    third = call("eval.tune", *options, "--only", "C=1", "--only", "words 1–2", "--gold", gold)
    assert "3 candidates on 92 clauses, 3 of them done before" in third.err
    assert third.out == again.out
    head, *rows = (tmp_path / "out/table.csv").read_text(encoding="utf-8").splitlines()
    assert head.startswith("settings,macro-F1")
    assert len(rows) == 3
    seen = call("eval.tune", *options, "--gold", many)
    assert seen.status == 2
    assert "holds clauses that the candidates learn from" in seen.err
    assert (tmp_path / "out/tune.png").stat().st_size > 1000


def test_an_unknown_candidate_is_told(call: Call, many: Path) -> None:
    told = call("eval.tune", "--data", many, "--only", "magic")
    assert told.status == 2
    assert told.err.startswith("error: no candidate 'magic': there are default; ")


def test_cross_validation_by_topic_makes_a_model_for_each(call: Call, many: Path, tmp_path: Path) -> None:
    done = call(
        "eval.crossvalidate", "--data", many, "--by", "topic", "--folds", 3, "--out", tmp_path / "cv", "--jobs", 1
    )
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "cv/metrics.json").read_text())
    assert set(report["scores"]) == {"all", *(f"topic {name}" for name in ("Wool", "Silk", "Salt", "Coal", "Wine"))}
    assert report["scores"]["all"]["clauses"] == 120 == 5 * report["scores"]["topic Salt"]["clauses"]
    assert report["scores"]["all"]["macro_f1"]["value"] > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "register"], "has no register: --by register needs one for every clause"),
        (["--folds", "1"], "--folds: 1 should be 2 or more"),
    ],
)
def test_what_cannot_be_cross_validated_is_told(call: Call, many: Path, options: list[str], message: str) -> None:
    told = call("eval.crossvalidate", "--data", many, *options)
    assert told.status == 2
    assert message in told.err

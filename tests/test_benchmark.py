"""The benchmark measures in turn, stops in time and tells what it found; no timing decides a test."""

from pathlib import Path

import pytest
from tiny_corpus import tiny_rows

from eval import benchmark, roofline
from eval.benchmark import OURS, PIPELINE, agreement, growth, in_turn, limits, one_by_one, repeated, scoring, write
from eval.peers import PEERS
from models.classifier import stance_classifier

TEXTS = [str(row["text"]) for row in tiny_rows()]
LABELS = [str(row["label"]) for row in tiny_rows()]


def test_tasks_take_turns_and_a_first_round_does_not_count() -> None:
    order: list[str] = []
    seconds = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)
    assert order == ["a", "b"] * 3
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}


def test_a_curve_ends_before_a_step_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: float(next(clock)) * 20)
    curves = growth({"slow": len}, TEXTS, largest=1_000_000)
    assert [point["clauses"] for point in curves["slow"]] == [1_000], "the next would have taken 200 seconds"


def test_every_peer_is_fitted_and_gives_labels_that_it_was_taught() -> None:
    for make in PEERS.values():
        if make.is_installed():
            peer = make()
            peer.fit(TEXTS, LABELS)
            assert set(peer.predict(TEXTS)) <= set(LABELS)


def test_the_loops_see_every_byte() -> None:
    import numpy as np

    data = np.frombuffer(b"a bc d", np.uint8)
    assert (roofline.copy(data) == data).all()
    assert roofline.read(data) == 2
    assert roofline.split_and_hash(data) != roofline.split_and_hash(np.frombuffer(b"a bd d", np.uint8))


def test_the_report_tells_rates_and_ratios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = stance_classifier().fit(TEXTS, LABELS)
    scorers = {OURS: len, PIPELINE: len}
    assert agreement(pipeline, TEXTS)["labels_that_differ"] == 0
    spread = {"median": 2.0, "lowest": 1.0, "highest": 3.0}
    report = {
        "agreement": agreement(pipeline, TEXTS),
        "scoring": scoring(scorers, TEXTS, 1),
        "limits": limits(TEXTS, 1),
        "one_by_one": one_by_one(scorers, TEXTS),
        "growth": growth(scorers, TEXTS, 1000),
        "training": {"ours": {"seconds": spread, "macro_f1": 0.9}},
        "start": {"interpreter": spread},
        "memory": {OURS: 100.0},
    }
    write(tmp_path, report)
    told = capsys.readouterr().out
    assert "limit: split and hash" in told
    assert "2.00 [1.00, 3.00]" in told
    assert (tmp_path / "growth.png").stat().st_size > 5000
    assert (tmp_path / "bench.md").read_text(encoding="utf-8").count("\n## ") + 1 == 5
    assert repeated(TEXTS, 50)[24] == TEXTS[0]

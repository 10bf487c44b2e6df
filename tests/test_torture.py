"""Processes killed at random, for minutes: `python -m pytest -m torture tests/test_torture.py`.

TORTURE_KILLS and TORTURE_SEED say how often (50) and when (0).
"""

import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from poison import alive, children, command, documents, finished, gone, poisonous_model, rows_of, start

pytestmark = pytest.mark.torture
KILLS = int(os.environ.get("TORTURE_KILLS", "50"))
SEED = int(os.environ.get("TORTURE_SEED", "0"))
SLOW = 0.01


def test_nothing_is_lost_or_doubled_however_often_processes_die(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    model, source = poisonous_model(tmp_path / "model.joblib"), documents(tmp_path / "in.jsonl", 300)
    status, told = finished(command(model, source, tmp_path / "whole", "--jobs", 2))
    assert status == 0, told
    killed: Counter[str] = Counter()
    runs = 0
    while killed.total() < KILLS:
        output = tmp_path / f"run{runs}"
        runs += 1
        while not one_run(chance, killed, command(model, source, output, "--jobs", chance.choice([1, 2, 3]))):
            pass
        compare(tmp_path / "whole", output)
    print(f"\n{killed.total()} kills ({dict(killed)}) in {runs} runs: 0 rows lost, 0 doubled")


def one_run(chance: random.Random, killed: Counter[str], words: list[str]) -> bool:
    """Kill workers and the parent at random until the run ends; whether it ended by itself."""
    enough = killed.total() >= KILLS
    limit = None if enough else chance.choice([None, None, 2_000])  # bytes of a file, as a disk that is full
    with start_with(limit, words) as process:
        workers: set[int] = set()
        end = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < end:
            time.sleep(chance.uniform(0, 0.7))
            there = children(process.pid)
            if there and not workers and not enough and not limit:
                end = time.monotonic() + chance.uniform(0, 8)
            workers.update(there)
            if there and not enough and chance.random() < 0.25:
                kill(chance.choice(there))
                killed["workers"] += 1
        workers.update(children(process.pid))
        if process.poll() is None:
            how = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            process.send_signal(how)
            killed[f"parents by {how.name}"] += 1
        told = process.communicate(timeout=120)[1]
    assert "Traceback" not in told, told
    assert gone(list(workers), 15), "no worker outlives its parent"
    if process.returncode == 2:
        full = "File too large; mend that, and the same command goes on" in told
        # Five dead workers in a row, without a result between them, end a run; the same command goes on here too.
        assert full or "the workers die again and again" in told, told
        killed["full disks" if full else "runs given up"] += 1
    return process.returncode == 0


def start_with(limit: int | None, words: list[str]) -> subprocess.Popen[str]:
    process = start(words, slow=SLOW)
    if limit is not None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    return process


def kill(pid: int) -> None:
    if alive(pid):
        os.kill(pid, signal.SIGKILL)


def compare(whole: Path, output: Path) -> None:
    expected, found = (Counter((row["document"], row["start"]) for row in rows_of(each)) for each in (whole, output))
    assert (expected - found).total() == 0, "rows lost"
    assert (found - expected).total() == 0, "rows doubled"
    for path in whole.iterdir():
        assert path.read_bytes() == (output / path.name).read_bytes(), path.name
    assert {path.name for path in whole.iterdir()} == {path.name for path in output.iterdir()}

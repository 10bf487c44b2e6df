"""A model that some words harm, and the runs that it goes through: workers and tests import this file."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny_corpus import GOODS, tiny_rows, write_jsonl

ROOT = Path(__file__).resolve().parent.parent
SLOW = float(os.environ.get("POISON_SLOW", "0"))  # seconds a clause


def analyse(text: str) -> list[str]:
    """The words of a text; with some of them it does not end well."""
    if SLOW:
        time.sleep(SLOW)
    if "CRASH" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "RAISE" in text:
        raise ValueError(f"no such text: {object()!r}")
    while "HANG" in text:
        time.sleep(0.01)
    if "STUCK" in text:
        sum(range(10**15))  # in C, where no signal is heeded
    return text.lower().split()


def poisonous_model(path: Path) -> Path:
    rows = tiny_rows()
    pipeline = make_pipeline(TfidfVectorizer(analyzer=analyse), LogisticRegression())
    joblib.dump(pipeline.fit([row["text"] for row in rows], [row["label"] for row in rows]), path)
    return path


def documents(path: Path, number: int = 60, harmful: dict[int, str] | None = None) -> Path:
    """A table of documents of two clauses, some with a word that harms."""
    rows: list[dict[str, object]] = [
        {
            "name": f"d{n}",
            "text": f"We welcome the plan on {GOODS[n % 6]}. They met {n} times. {(harmful or {}).get(n, '')}",
        }
        for n in range(number)
    ]
    return write_jsonl(path, rows)


def command(model: Path, source: Path, output: Path, *options: object) -> list[str]:
    fixed = ("--trust", "--name-column", "name", "--shard-documents", 5, "--format", "jsonl")
    return [
        *(sys.executable, "-m", "models.annotate", "--model", str(model), str(source), "--output", f"{output}/"),
        *map(str, (*fixed, *options)),
    ]


def start(words: list[str], slow: float = 0, *, start_new_session: bool = False) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "POISON_SLOW": str(slow)}
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


def finished(words: list[str], slow: float = 0) -> tuple[int, str]:
    with start(words, slow) as process:
        told = process.communicate(timeout=300)[1]
    return process.returncode, told


def recorded(output: Path) -> int:
    """How many shards the manifest records."""
    path = output / "manifest.jsonl"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def wait_for(output: Path, shards: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and recorded(output) < shards:
        time.sleep(0.02)


def children(pid: int, kind: bytes = b"popen_loky") -> list[int]:
    """The worker processes of a run."""
    try:
        threads = Path(f"/proc/{pid}/task").iterdir()
        found = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        return [child for child in found if kind in Path(f"/proc/{child}/cmdline").read_bytes()]
    except FileNotFoundError:
        return []


def gone(pids: list[int], seconds: float = 10) -> bool:
    """Whether processes end within a time."""
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def rows_of(output: Path) -> list[dict[str, object]]:
    return [json.loads(line) for part in sorted(output.glob("part-*.jsonl")) for line in part.open(encoding="utf-8")]


def files_of(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}

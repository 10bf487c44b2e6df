"""Work goes on when workers, the parent or a machine of the cluster die, and ends with the same bytes."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from poison import (
    ROOT,
    children,
    command,
    documents,
    finished,
    gone,
    poisonous_model,
    rows_of,
    start,
    wait_for,
)

from data.documents import items
from data.errors import InputError
from models.coding import Coded, Work, code, fingerprint, model_sha256
from models.engine import Engine, TooLong, within, workers
from models.outputs import json_line
from models.progress import Steps
from models.shards import code_into


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def model(place: Path) -> Path:
    return poisonous_model(place / "model.joblib")


@pytest.fixture(scope="module")
def source(place: Path) -> Path:
    return documents(place / "in.jsonl")


def work(model: Path, limit: float = 100) -> Work:
    return Work(str(model), model_sha256(model), fingerprint(), trust=True, time_limit=limit)


def undisturbed(model: Path, source: Path) -> bytes:
    """The rows as they are without workers, shards and faults."""
    coded = code(work(model), list(items([str(source)], name_column="name")))
    return "".join(json_line(row) for each in coded if isinstance(each, Coded) for row in each.rows).encode()


def joined(output: Path) -> bytes:
    return b"".join(part.read_bytes() for part in sorted(output.glob("part-*")))


HARMFUL = {7: "CRASH", 23: "HANG", 41: "RAISE"}


@pytest.fixture(scope="module", autouse=True)
def harmed(place: Path, model: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that takes its time, so that it goes on beside the other tests."""
    source = documents(place / "harmful.jsonl", harmful=HARMFUL)
    with start(command(model, source, place / "a", "--jobs", 1, "--time-limit", 1)) as process:
        yield process
        process.kill()


def test_dead_workers_and_a_dead_parent_lose_nothing(place: Path, model: Path, source: Path) -> None:
    words = command(model, source, place / "b", "--jobs", 1)
    with start(words, slow=0.02) as process:
        wait_for(place / "b", 2, process)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        wait_for(place / "b", 5, process)
        workers = children(process.pid)
        process.kill()
    assert workers
    assert gone(workers), "no worker outlives its parent"
    before = {path.name: path.stat().st_mtime_ns for path in (place / "b").glob("part-*")}
    assert 5 <= len(before) < 12
    status, told = finished(words)
    assert status == 0, told
    assert joined(place / "b") == undisturbed(model, source)
    redone = [name for name, time in before.items() if (place / "b" / name).stat().st_mtime_ns != time]
    assert len(redone) <= 1, "only what was not recorded yet"


def test_an_interrupted_run_ends_cleanly_and_says_how_to_go_on(place: Path, model: Path, source: Path) -> None:
    words = command(model, source, place / "c", "--jobs", 1)
    with start(words, slow=0.1) as process:
        wait_for(place / "c", 1, process)
        workers = children(process.pid)
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert told.splitlines()[-1].startswith("interrupted: what is done is kept; go on with python -m models.annotate ")
    assert "Traceback" not in told
    assert gone(workers)
    assert not list((place / "c").glob(".*"))


def test_time_is_over_even_where_errors_are_swallowed() -> None:
    def stubborn() -> None:
        while True:
            try:
                time.sleep(1)
            except Exception:
                continue

    with pytest.raises(TooLong), within(0.02):
        stubborn()


def test_another_model_or_code_where_the_work_is_done_is_refused(model: Path) -> None:
    for changed, message in (("sha256", "is another model"), ("code", "other code or libraries")):
        fields = {**work(model).__dict__, "explain": 0, changed: "0"}
        if changed == "code":
            fields["model"], fields["sha256"] = str(ROOT / "pyproject.toml"), model_sha256(ROOT / "pyproject.toml")
        with pytest.raises(InputError, match=message):
            code(Work(**fields), [])


# A cluster: a scheduler and two workers, each a process of its own.


@pytest.fixture
def cluster(place: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "POISON_SLOW": "0.01"}
    port = url.rsplit(":", 1)[1]
    local = ("--host", "127.0.0.1")
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", *local, "--port", port, "--no-dashboard"]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        url,
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
    ]
    worker += ["--local-directory", str(place / "dask")]
    processes = [
        subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in (scheduler, worker, worker)
    ]
    yield url, processes
    for process in processes:
        process.kill()
        process.wait()


def killed_under_way(words: list[str], output: Path, victim: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Run a command and kill another process once three shards are done; its status and what it told."""
    with start(words) as process:
        wait_for(output, 3, process)
        assert process.poll() is None, "the run should be under way"
        victim.kill()
        told = process.communicate(timeout=120)[1]
    return process.returncode, told


def test_a_cluster_gives_the_same_bytes_even_when_a_machine_dies(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], place: Path, model: Path, source: Path
) -> None:
    url, (_, _, second) = cluster
    words = command(model, source, place / "d", "--engine", "dask", "--scheduler", url)
    status, told = killed_under_way(words, place / "d", second)
    assert status == 0, told
    assert joined(place / "d") == undisturbed(model, source)
    assert len(rows_of(place / "d")) == 120


@pytest.mark.torture
def test_a_run_whose_scheduler_dies_goes_on_later(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], place: Path, model: Path, source: Path
) -> None:
    url, (scheduler, *_) = cluster
    words = command(model, source, place / "s", "--engine", "dask", "--scheduler", url)
    status, told = killed_under_way(words, place / "s", scheduler)
    assert status == 2, told
    assert "Traceback" not in told
    assert finished(command(model, source, place / "s"))[0] == 0, "any engine goes on with it"
    assert joined(place / "s") == undisturbed(model, source)


@pytest.mark.torture
def test_code_that_heeds_no_signal_is_ended_and_its_document_set_aside(place: Path, model: Path) -> None:
    source = documents(place / "stuck.jsonl", 8, {5: "STUCK"})
    status, told = finished(command(model, source, place / "stuck", "--jobs", 1, "--time-limit", 1))
    assert status == 1, told
    reject = json.loads((place / "stuck/rejects.jsonl").read_text())
    assert reject["document"] == "d5"
    assert "takes longer than 1 s" in reject["reason"]
    assert {row["document"] for row in rows_of(place / "stuck")} == {f"d{n}" for n in range(8)} - {"d5"}


def test_an_interrupt_is_quiet_on_a_cluster_of_this_machine_too(place: Path, model: Path, source: Path) -> None:
    """A terminal sends Ctrl-C to the workers as well, which may still be importing."""
    pytest.importorskip("distributed")
    words = command(model, source, place / "i", "--engine", "dask", "--jobs", 1)
    with start(words, slow=0.1, start_new_session=True) as process:
        while process.poll() is None and not children(process.pid, b"spawn_main"):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGINT
    assert told.startswith("interrupted: what is done is kept; go on with")
    assert len(told.splitlines()) == 1, told


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:9", "tls://127.0.0.1:9", "ws://127.0.0.1:9", "foo://x:1"])
def test_a_missing_cluster_is_told(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr("models.engine.PATIENCE", 0.3)
    with pytest.raises(InputError, match=f"no Dask cluster with workers at {url}"), workers(Engine("dask", -1, url)):
        pass


def test_a_missing_cluster_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Path) -> None:
    monkeypatch.setattr("models.engine.PATIENCE", 0.3)
    engine = Engine("dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(InputError, match="no Dask cluster"):
        code_into(tmp_path / "a", work(model), "jsonl", engine, [], {}, Steps(quiet=True), restart=True)
    assert not (tmp_path / "a").exists()


def test_cores_are_counted_where_the_system_tells_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert Engine(jobs=-1).processes == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert Engine(jobs=-3).processes == 1


def test_harmful_documents_are_set_aside_and_the_rest_is_coded(
    harmed: subprocess.Popen[str], place: Path, model: Path
) -> None:
    told = harmed.communicate(timeout=120)[1]
    assert harmed.returncode == 1, told
    harmless = place / "harmless.jsonl"
    lines = (place / "harmful.jsonl").read_text().splitlines(keepends=True)
    harmless.write_text("".join(line for n, line in enumerate(lines) if n not in HARMFUL))
    assert "3 documents were set aside" in told
    assert joined(place / "a") == undisturbed(model, harmless)
    rejects = (place / "a/rejects.jsonl").read_text().splitlines()
    assert ['"d7"' in rejects[0], '"d23"' in rejects[1], '"d41"' in rejects[2]] == [True] * 3
    assert "ends the process that codes it" in rejects[0]
    assert "takes longer than 1 s" in rejects[1]
    assert "no such text: <object object at 0x…>" in rejects[2], "nothing that differs from run to run"

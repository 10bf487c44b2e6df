"""Shards hold every document once; a manifest takes over what is whole, redoes what is not, refuses what changed."""

import errno
import gzip
import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Result
from hypothesis import given
from hypothesis import strategies as st
from test_commands import Call

from data.documents import Document, File, Item, Unreadable, find, items
from data.errors import InputError
from models.coding import Part
from models.shards import Manifest, Shard, cut, describe, write_durably

HEAD = {"model": "0a", "input": {"files": 1}, "settings": {"format": "jsonl"}}


def a_document(number: int, length: int = 10) -> Document:
    return Document(f"d{number}", "x" * length, {}, None)


@given(st.lists(st.integers(1, 50)), st.integers(1, 5), st.integers(1, 100))
def test_every_document_is_in_one_shard_in_order(lengths: list[int], documents: int, size: int) -> None:
    stream = [a_document(number, length) for number, length in enumerate(lengths)]
    shards = list(cut(stream, documents, size))
    assert [item for shard in shards for item in shard.items] == stream
    assert [shard.number for shard in shards] == list(range(len(shards)))
    for shard in shards:
        assert 1 <= len(shard.items) <= documents
        assert len(shard.items) == 1 or sum(len(item.text) for item in stream if item in shard.items) <= size
    assert shards == list(cut(stream, documents, size)), "the same every time"


def test_a_shard_is_cut_without_reading_on() -> None:
    def endless() -> Iterator[Item]:
        number = 0
        while True:
            yield a_document(number := number + 1)

    assert len(next(cut(endless(), documents=3)).items) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_document(1), a_document(1, 11)),
        (File("a", "a", 1, 1), File("a", "a", 1, 2)),
        (Unreadable("a", "is empty"), Unreadable("a", "is torn")),
        (Document("a", "b", {}, None), Unreadable("a", "b")),
    ],
)
def test_other_input_has_another_hash(one: Item, other: Item) -> None:
    shards: list[Shard] = [next(cut([item])) for item in (one, other, one)]
    assert shards[0].digest == shards[2].digest != shards[1].digest


def a_part(number: int, rejects: int = 0) -> Part:
    told = [{"document": f"bad{number}-{n}", "reason": "is torn"} for n in range(rejects)]
    return Part(b"%d\n" % number * 3, 3, 1, {"none": 3}, told)


def fill(folder: Path, numbers: list[int], head: dict[str, Any] = HEAD, finish: int | None = None) -> dict[int, Any]:
    """Add what is missing of some parts; returns what was there."""
    with Manifest(folder, head) as manifest:
        there = dict(manifest.done)
        for number in numbers:
            if number not in there:
                manifest.add(number, f"hash {number}", "jsonl", a_part(number, rejects=number))
        if finish is not None:
            manifest.finish(finish)
    return there


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_in_any_order_and_with_breaks_ends_with_the_same_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "a", [0, 1, 2], finish=3)
    for numbers in ([2], [0]):
        fill(tmp_path / "b", numbers)
    assert sorted(fill(tmp_path / "b", [1, 2, 0], finish=3)) == [0, 2]
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    rejects = [json.loads(line)["document"] for line in (tmp_path / "a/rejects.jsonl").open(encoding="utf-8")]
    assert rejects == ["bad1-0", "bad2-0", "bad2-1"]
    assert sorted(fill(tmp_path / "a", [], finish=3)) == [0, 1, 2], "nothing is done again"
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("cut_off", [1, 20, 200])
def test_a_last_line_that_was_cut_short_is_dropped(tmp_path: Path, cut_off: int) -> None:
    fill(tmp_path / "whole", [0, 1], finish=2)
    fill(tmp_path / "torn", [0, 1])
    manifest = tmp_path / "torn/manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-cut_off])
    assert sorted(fill(tmp_path / "torn", [0, 1], finish=2)) == [0]
    assert contents(tmp_path / "torn") == contents(tmp_path / "whole")


@pytest.mark.parametrize("change", ["missing", "shorter", "other"])
def test_a_part_that_is_not_what_was_written_is_done_again(tmp_path: Path, change: str) -> None:
    fill(tmp_path / "a", [0, 1], finish=2)
    before = contents(tmp_path / "a")
    part = tmp_path / "a/part-000001.jsonl"
    if change == "missing":
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[1:] + (b"" if change == "shorter" else b"\n"))
    (tmp_path / "a/.part-000001.jsonl.abcd_123.tmp").touch()
    assert sorted(fill(tmp_path / "a", [0, 1], finish=2)) == [0]
    assert contents(tmp_path / "a") == before


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (HEAD | {"model": "1b"}, "another model: give --restart"),
        (HEAD | {"input": {"files": 2}}, "another input: give --restart"),
        (HEAD | {"settings": {"format": "parquet"}}, r"format \('jsonl', now 'parquet'\)"),
    ],
)
def test_what_changed_is_named_and_refused(tmp_path: Path, head: dict[str, Any], message: str) -> None:
    fill(tmp_path / "a", [0], finish=1)
    before = contents(tmp_path / "a")
    with pytest.raises(InputError, match=message):
        Manifest(tmp_path / "a", head)
    assert contents(tmp_path / "a") == before
    with Manifest(tmp_path / "a", head, restart=True) as manifest:
        assert not manifest.done
    assert set(contents(tmp_path / "a")) == {"manifest.jsonl"}


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    with Manifest(tmp_path / "a", HEAD), pytest.raises(InputError, match="another run is writing to"):
        Manifest(tmp_path / "a", HEAD)
    Manifest(tmp_path / "a", HEAD).__exit__()


def test_a_damaged_manifest_and_parts_without_one_are_told(tmp_path: Path) -> None:
    fill(tmp_path, [0, 1])
    lines = (tmp_path / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "manifest.jsonl").write_bytes(lines[0] + b"{\n" + lines[2])
    with pytest.raises(InputError, match="line 2 is damaged: give --restart"):
        Manifest(tmp_path, HEAD)
    (tmp_path / "manifest.jsonl").unlink()
    with pytest.raises(InputError, match=r"holds part-00000\d.jsonl but no manifest"):
        Manifest(tmp_path, HEAD)


NOT_A_PART = [
    "5",
    "{}",
    '{"shard": 0}',
    '{"shard":0,"file":5}',
    '{"complete": 1}',
    "[" * 10**5,
]


@pytest.mark.parametrize(
    ("number", "line"),
    [(1, "5"), (1, "[]"), (1, '{"settings":5}'), *((2, line) for line in NOT_A_PART)],
)
def test_a_line_of_another_kind_is_damage(tmp_path: Path, number: int, line: str) -> None:
    fill(tmp_path, [0, 1], finish=2)
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    lines[number - 1] = line
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=f"line {number} is damaged: give --restart"):
        Manifest(tmp_path, HEAD)


@pytest.mark.parametrize(
    "change",
    [
        {"file": "/etc/passwd"},
        {"file": "../part-000000.jsonl"},
        {"file": "part-000001.jsonl"},
        {"bytes": "9"},
        {"shard": True},
        {"rows": -1},
        {"labels": {"none": "x"}},
        {"rejects": ["x"]},
    ],
)
def test_a_part_is_recorded_as_it_was_written_or_damaged(tmp_path: Path, change: dict[str, Any]) -> None:
    fill(tmp_path, [0])
    head, line = (tmp_path / "manifest.jsonl").read_text().splitlines()
    (tmp_path / "manifest.jsonl").write_text(f"{head}\n{json.dumps(json.loads(line) | change)}\n")
    with pytest.raises(InputError, match="line 2 is damaged: give --restart"):
        Manifest(tmp_path, HEAD)


def test_a_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(InputError, match="no locks for a folder of parts"):
        Manifest(tmp_path / "a", HEAD)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
@pytest.mark.parametrize("after", range(6))
def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: int) -> None:
    """Whichever call the disk refuses, what is there is whole and the next run ends with the same bytes."""
    fill(tmp_path / "whole", [0, 1, 2], finish=3)
    real, left = getattr(os, call), iter([True] * after)

    def refusing(*arguments: Any) -> Any:
        if next(left, False):
            return real(*arguments)
        if call == "write":
            real(arguments[0], arguments[1][:7])  # what still had room
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refusing)
        with suppress(InputError):  # with the last calls it ends before the disk is full
            fill(tmp_path / "full", [0, 1, 2], finish=3)
    assert not list((tmp_path / "full").glob(".*"))
    fill(tmp_path / "full", [0, 1, 2], finish=3)
    assert contents(tmp_path / "full") == contents(tmp_path / "whole")


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")

    write_durably(tmp_path / "a", b"before")
    with pytest.raises(InputError, match="No space left"):
        write_durably(tmp_path / "a", failing())
    assert contents(tmp_path) == {"a": b"before"}


def test_a_file_is_private_until_it_has_its_name_and_no_link_is_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"kept")
    folder = tmp_path / "a"
    folder.mkdir()
    for name in ("out", ".out.tmp"):
        (folder / name).symlink_to(theirs)

    def looking() -> Iterator[bytes]:
        (temporary,) = [path for path in folder.iterdir() if not path.is_symlink()]
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        yield b"new"

    write_durably(folder / "out", looking())
    assert theirs.read_bytes() == b"kept"
    assert (folder / "out").read_bytes() == b"new"
    assert not (folder / "out").is_symlink()


def test_no_line_is_added_to_a_manifest_behind_a_link(tmp_path: Path) -> None:
    fill(tmp_path / "theirs", [0])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/manifest.jsonl").symlink_to(tmp_path / "theirs/manifest.jsonl")
    before = contents(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic link"):
        fill(tmp_path / "mine", [1])
    assert contents(tmp_path / "theirs") == before


# What a stream is made of.

TEXTS = ["We welcome the plan.", "They met, and\nleft.", "The café stays."]


def packed(path: Path) -> str:
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS)
    cells = "text\n" + "".join(f'"{text}"\n' for text in TEXTS)
    content = (lines if ".jsonl" in path.name else cells).encode()
    if path.suffix.lower() == ".gz":
        path.write_bytes(gzip.compress(content))
    elif path.suffix == ".zst":
        path.write_bytes(pa.compress(content, codec="zstd", asbytes=True))
    else:
        path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.csv.gz", "a.tsv.zst", "A.CSV.GZ"])
def test_packed_tables_are_read(tmp_path: Path, name: str) -> None:
    found = list(items(find([packed(tmp_path / name)])))
    assert [item.text for item in found if isinstance(item, Document)] == TEXTS


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.zst"])
def test_a_torn_archive_gives_what_it_holds_and_is_told(tmp_path: Path, name: str) -> None:
    path = Path(packed(tmp_path / name))
    path.write_bytes(path.read_bytes()[:-6])
    *_, last = items([str(path)])
    assert isinstance(last, Unreadable)
    assert "cannot be read" in last.reason


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv.gz", "a.parquet"])
def test_urls_are_read(tmp_path: Path, name: str) -> None:
    import fsspec

    path = tmp_path / name
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": TEXTS}), path)
    else:
        packed(path)
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/store/{name}", path.read_bytes())
    for url in (f"memory://store/{name}", "memory://store/*", "memory://store/"):
        found = list(items(find([url])))
        assert [item.text for item in found if isinstance(item, Document)] == TEXTS
    assert describe([f"memory://store/{name}"])["files"] == 1
    memory.rm("/store", recursive=True)
    (gone,) = items([f"memory://store/{name}"])
    assert isinstance(gone, Unreadable)


def test_a_url_without_its_package_is_one_line() -> None:
    (told,) = items(["nosuchscheme://bucket/a.jsonl"])
    assert isinstance(told, Unreadable)
    assert "nosuchscheme" in told.reason
    assert len(told.reason.splitlines()) == 1


def test_a_dataset_of_the_hub_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(name: str, config: str | None, *, streaming: bool) -> dict[str, list[dict[str, str]]]:
        assert (name, config, streaming) == ("owner/name", "plain", True)
        return {"train": [{"text": TEXTS[0]}], "test": [{"text": TEXTS[1]}]}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = list(items(find(["hub:owner/name:plain"])))
    assert [item.name for item in found] == ["hub:owner/name:plain#1", "hub:owner/name:plain#2"]


def test_a_hub_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    import datasets

    def load_dataset(*_: object, **__: object) -> None:
        for name in ("huggingface_hub.utils._http", "datasets.load", "fsspec"):
            logging.getLogger(name).warning("Retrying in 1s")
        raise ConnectionError("no such host")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    (told,) = items(["hub:nobody/nothing"])
    assert isinstance(told, Unreadable)
    assert told.reason == "cannot be read from the Hub: no such host"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "o/", "--html", "a.html"], "--html does not go with a folder of parts"),
        (["--output", "o", "--summary", "s"], "--summary does not go with a folder of parts"),
        (["--output", "o/", "--format", "csv"], "a folder of parts holds parquet or jsonl, not csv"),
        (["--restart"], "--restart is for a folder of parts"),
        (["--scheduler", "tcp://a:1"], "--scheduler is for a Dask cluster"),
        (["--jobs", "0"], "--jobs 0 leaves nobody to work"),
        (["--time-limit", "0"], "--time-limit: 0 should be more than 0"),
        (["--time-limit", "nan"], "--time-limit: nan should be more than 0, at most 86400 (a day)"),
        (["--time-limit", "inf"], "--time-limit: inf should be"),
        (["--time-limit", "1e300"], "--time-limit: 1e+300 should be"),
        (["--engine", "dask", "--scheduler", "nonsense"], "--scheduler 'nonsense' should be an address such as tcp"),
        (["--engine", "dask", "--scheduler", ""], "--scheduler '' should be an address"),
        (["--engine", "dask", "--scheduler", "foo://x:1"], "--scheduler 'foo://x:1' should be an address"),
        (["--engine", "dask", "--scheduler", "tcp://x"], "--scheduler 'tcp://x' should be an address"),
    ],
)
def test_options_that_do_not_fit_are_told(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("They met.", encoding="utf-8")
    told: Result = call("models.annotate", "a.txt", *options)
    assert told.status == 2
    assert message in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]

"""A stream of documents → a folder of parts with a manifest: whatever ends a run, the same command goes on with it.

coded/part-000000.parquet …   the rows, in the order of the documents
coded/manifest.jsonl          what the run is (first line), what each part holds, and that it is complete (last line)
coded/rejects.jsonl           the documents that were set aside, and why

A part is written under another name, synced, renamed and then recorded; only this process writes. So a part that is
recorded is whole, one that is not is done again, and none is there twice.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from data.documents import Document, File, Item
from data.errors import InputError, make_folder, replacing
from data.tables import identity
from models.coding import Part, Work, file_sha256, part, part_alone, weight
from models.engine import Engine, results, workers

DOCUMENTS = 1000  # in a shard, if they are short
SIZE = 1_000_000  # characters of text or bytes of files in a shard that has several documents
FORMATS = ("parquet", "jsonl")
_PART = re.compile(r"part-\d{6,}\.(?:parquet|jsonl)")
_OURS = re.compile(_PART.pattern + r"|manifest\.jsonl|rejects\.jsonl")
_TEMPORARY = re.compile(rf"\.(?:{_OURS.pattern})\.\w{{8}}\.tmp")  # of `replacing`
_FIELDS = {
    **{"shard": int, "file": str, "bytes": int, "sha256": str, "input_sha256": str},
    **{"documents": int, "rows": int, "labels": dict, "rejects": list},
}


class Shard(NamedTuple):
    """Documents that are coded together, and the hash of what was read of them."""

    number: int
    items: list[Item]
    digest: str

    @property
    def size(self) -> int:
        """Bytes of the source that were read for it, about."""
        return sum(item.size for item in self.items)


def cut(items: Iterable[Item], documents: int = DOCUMENTS, size: int = SIZE) -> Iterator[Shard]:
    """Cut a stream into shards of at most so many documents, and so large where they hold more than one.

    >>> [len(shard.items) for shard in cut([Document(name, "We agree.", {}, None) for name in "abc"], documents=2)]
    [2, 1]
    """
    kept: list[Item] = []
    number = held = 0
    for item in items:
        own = weight(item)
        if kept and (len(kept) == documents or held + own > size):
            yield Shard(number, kept, _digest(kept))
            kept, held, number = [], 0, number + 1
        kept.append(item)
        held += own
    if kept:
        yield Shard(number, kept, _digest(kept))


def _digest(items: list[Item]) -> str:
    digest = hashlib.sha256()
    for item in items:
        what = (
            ["document", item.name, item.text]
            if isinstance(item, Document)
            else ["file", item.name, item.size, item.changed]
            if isinstance(item, File)
            else ["unreadable", item.name, item.reason]
        )
        digest.update(json.dumps(what).encode() + b"\n")
    return digest.hexdigest()


def describe(paths: Iterable[str]) -> dict[str, Any]:
    """What the input is, to notice a change: how many files, and a hash of their names, sizes and times."""
    digest = hashlib.sha256()
    files = 0
    for path in paths:
        digest.update(json.dumps(identity(path)).encode() + b"\n")
        files += 1
    return {"files": files, "sha256": digest.hexdigest()}


class Progress(Protocol):
    """Who is told how far a run is."""

    def step(self, *, documents: int, clauses: int, rejects: int, size: int, before: bool) -> None:
        """Another shard is done, in this run or `before` it."""


class Done(NamedTuple):
    """What the manifest says of a shard, and where."""

    offset: int
    input_sha256: str
    documents: int
    rows: int
    rejects: int


def code_into(
    folder: Path,
    work: Work,
    form: str,
    engine: Engine,
    items: Iterable[Item],
    head: dict[str, Any],
    progress: Progress,
    *,
    documents: int = DOCUMENTS,
    restart: bool = False,
    strict: bool = False,
) -> dict[str, int]:
    """Code a stream of documents into a folder, or go on with that; returns the totals.

    Raises
    ------
    InputError
        When the folder holds the results of another model, settings or input and not `restart`, when a part cannot be
        written and, with `strict`, at the first document that cannot be coded.
    """
    with ExitStack() as stack:
        # First, for a cluster that is not there should leave no folder and throw nothing away.
        pool = stack.enter_context(workers(engine))
        manifest = stack.enter_context(Manifest(folder, head, restart=restart))
        under_way: dict[int, tuple[str, int]] = {}
        shards = 0

        def missing() -> Iterator[tuple[int, list[Item]]]:
            nonlocal shards
            for shard in cut(items, documents):
                shards += 1
                if done := manifest.done.get(shard.number):
                    if done.input_sha256 != shard.digest:
                        raise InputError(_changed(folder, f"input, at shard {shard.number}"))
                    counts = {"documents": done.documents, "clauses": done.rows, "rejects": done.rejects}
                    progress.step(**counts, size=shard.size, before=True)
                    continue
                under_way[shard.number] = shard.digest, shard.size
                yield shard.number, shard.items

        alone = partial(part_alone, work, form)
        for number, result in results(pool, partial(part, work, form), missing(), alone=alone):
            if strict and result.rejects:
                raise InputError(f"{result.rejects[0]['document']} {result.rejects[0]['reason']}")
            digest, size = under_way.pop(number)
            manifest.add(number, digest, form, result)
            counts = {"documents": result.documents, "clauses": result.rows, "rejects": len(result.rejects)}
            progress.step(**counts, size=size, before=False)
        return manifest.finish(shards)


class Manifest:
    """The record of a run in its folder, one line a shard, which holds the folder while it is open."""

    def __init__(self, folder: Path, head: dict[str, Any], *, restart: bool = False):
        self.folder, self.path = folder, folder / "manifest.jsonl"
        self.head: dict[str, Any] = json.loads(json.dumps(head))
        self.done: dict[int, Done] = {}
        self._lock = _locked(folder)
        try:
            self._clear(everything=restart)
            self._open(self.head)
        except BaseException:
            os.close(self._lock)
            raise

    def _clear(self, *, everything: bool) -> None:
        for path in self.folder.iterdir():
            if _TEMPORARY.fullmatch(path.name) or (everything and _OURS.fullmatch(path.name)):
                path.unlink()
            elif _PART.fullmatch(path.name) and not self.path.exists() and not everything:
                raise InputError(
                    f"{self.folder} holds {path.name} but no manifest.jsonl: "
                    "give --restart to replace it, or name another folder"
                )

    def _open(self, head: dict[str, Any]) -> None:
        if not self.path.exists() or not _whole_lines(self.path):
            write_durably(self.path, _line(head))
        end = self._read(head)
        # Written without a buffer, which could keep for later what a full disk did not take; a link is not followed.
        self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        os.ftruncate(self._handle, end)

    def _read(self, head: dict[str, Any]) -> int:
        """Take over what is recorded and still there; returns where that ends: a last line may have been cut short."""
        end = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                if (record := _record(line, first=number == 1)) is None:
                    raise InputError(f"{self.path}, line {number} is damaged: give --restart to begin anew")
                if number == 1:
                    if different := _differences(record, head):
                        raise InputError(_changed(self.folder, ", ".join(different)))
                elif "shard" in record:
                    self._take(record, end)
                end += len(line)
        return end

    def _take(self, record: dict[str, Any], offset: int) -> None:
        path = self.folder / record["file"]
        there = path.is_file() and path.stat().st_size == record["bytes"] and file_sha256(path) == record["sha256"]
        if there:
            counts = record["documents"], record["rows"], len(record["rejects"])
            self.done[record["shard"]] = Done(offset, record["input_sha256"], *counts)
        else:
            self.done.pop(record["shard"], None)

    def add(self, number: int, digest: str, form: str, result: Part) -> None:
        """Write a part, then record it; InputError where the disk does not take them."""
        name = f"part-{number:06}.{form}"
        record = {
            "shard": number,
            "file": name,
            "bytes": len(result.content),
            "sha256": hashlib.sha256(result.content).hexdigest(),
            "input_sha256": digest,
            "documents": result.documents,
            "rows": result.rows,
            "labels": result.labels,
            "rejects": result.rejects,
        }
        write_durably(self.folder / name, result.content)
        offset = os.fstat(self._handle).st_size
        line = _line(record)
        try:
            while line:
                line = line[os.write(self._handle, line) :]
            os.fsync(self._handle)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._handle, offset)
            raise InputError(_not_written(self.path, error)) from None
        self.done[number] = Done(offset, digest, result.documents, result.rows, len(result.rejects))

    def finish(self, shards: int) -> dict[str, int]:
        """Write rejects.jsonl, and the manifest anew in the order of the shards with the totals as its last line."""
        if set(self.done) != set(range(shards)):
            raise InputError(_changed(self.folder, f"input: {shards} shards where the manifest has {len(self.done)}"))
        labels: Counter[str] = Counter()
        totals = {
            "shards": shards,
            "documents": sum(done.documents for done in self.done.values()),
            "rows": sum(done.rows for done in self.done.values()),
            "rejects": sum(done.rejects for done in self.done.values()),
        }

        def rejects() -> Iterator[bytes]:
            for record in self._records():
                labels.update(record["labels"])
                yield from map(_line, record["rejects"])

        def manifest() -> Iterator[bytes]:
            yield _line(self.head)
            yield from map(_line, self._records())
            yield _line({"complete": True, **totals, "labels": dict(sorted(labels.items()))})

        write_durably(self.folder / "rejects.jsonl", rejects())
        write_durably(self.path, manifest())
        return totals

    def _records(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            for _, done in sorted(self.done.items()):
                file.seek(done.offset)
                yield json.loads(file.readline())

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.close(self._handle)
        os.close(self._lock)


def write_durably(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that it is there whole, even after a crash of the machine, or not at all."""
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(_not_written(path, error)) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(folder: Path) -> int:
    """The open handle of a folder, made where it is missing, that holds it against other runs."""
    try:
        import fcntl
    except ImportError:
        raise InputError(
            "this system has no locks for a folder of parts: name a file with --output, or use Linux or macOS"
        ) from None
    make_folder(folder)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InputError(f"another run is writing to {folder}: wait for it, or name another folder") from None
    return lock


def _record(line: bytes, *, first: bool) -> dict[str, Any] | None:
    """A line of a manifest, None where no run wrote it so: its head is the first, the others are parts and totals."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if first:
        whole = isinstance(record.get("settings", {}), dict)
    elif record.get("complete") is True:
        whole = "shard" not in record
    else:
        whole = all(type(record.get(name)) is kind for name, kind in _FIELDS.items()) and _is_part(record)
    return record if whole else None


def _is_part(record: dict[str, Any]) -> bool:
    counts = [record["shard"], record["documents"], record["rows"], *record["labels"].values()]
    return (
        all(type(count) is int and count >= 0 for count in counts)
        and record["file"] in [f"part-{record['shard']:06}.{form}" for form in FORMATS]
        and all(isinstance(reject, dict) for reject in record["rejects"])
    )


def _whole_lines(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What of a head changed; of settings with the values.

    >>> _differences({"model": "0a", "settings": {"limit": 1}}, {"model": "1b", "settings": {"limit": 2}})
    ['model', 'limit (1, now 2)']
    """
    before, now = old.get("settings", {}), new.get("settings", {})
    other = [name for name in old | new if name != "settings" and old.get(name) != new.get(name)]
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return other + [f"{name} ({before.get(name)!r}, now {now.get(name)!r})" for name in names]


def _changed(folder: Path, what: str) -> str:
    return f"{folder} was begun with another {what}: give --restart to begin anew, or name another folder"


def _not_written(path: Path, error: OSError) -> str:
    return f"cannot write {path}: {error.strerror}; mend that, and the same command goes on"

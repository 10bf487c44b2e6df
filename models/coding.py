"""Documents → coded clauses: the pure work that `python -m models.annotate` has done here or on a cluster."""

import hashlib
import importlib.metadata
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from data import extract
from data.documents import Document, File, Item, Unreadable, read_file
from data.errors import InputError
from data.rows import UNCERTAIN
from features.segment import Clause, segment
from models.engine import MAX_DEATHS, DeathError, TooLong, alone_in_a_process, within
from models.outputs import encode
from models.scorer import FastScorer
from models.storage import load, load_scorer

BATCH = 4096  # clauses scored at once
GROUP, GROUP_SIZE = 256, 250_000  # documents, and their characters or bytes, that share one limit of time
LIBRARIES = (
    *("charset-normalizer", "numba", "numpy", "nupunkt", "pdfminer.six", "pyarrow", "python-docx", "scikit-learn"),
    *("scipy", "trafilatura"),
)

Rows = list[dict[str, Any]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Work:
    """How documents are coded: everything that the rows depend on beside the documents."""

    model: str
    sha256: str  # of the model's files, `model_sha256`
    code: str  # `fingerprint()`
    trust: bool = False
    scorer: str = "fast"  # or "sklearn"
    few: int = 0  # strings in all from which on compiled code is loaded (`models.scorer`)
    thresholds: dict[str, float | None] | None = None  # of `models.calibration.threshold_for`
    explain: int = 0  # phrases with each clause
    encoding: str | None = None
    time_limit: float = 300.0  # seconds for a document


class Coded(NamedTuple):
    """A document and its coded clauses."""

    document: Document
    rows: Rows


class Part(NamedTuple):
    """The result of a shard: the bytes of its file and what they hold."""

    content: bytes
    rows: int
    documents: int
    labels: dict[str, int]
    rejects: list[dict[str, str]]


def code(work: Work, items: Sequence[Item], note: Callable[[int], None] | None = None) -> list[Coded | Unreadable]:
    """Code documents, in order; one that raises an error or takes too long is set aside with the reason.

    Documents are done in groups, and one by one where something went wrong with a group. With `note` all are done one
    by one, and the index of each is told before, so that the culprit is known when the process dies.

    Raises
    ------
    InputError
        When the model or the code here is not that of `work`.
    """
    model = _model(work)
    found: list[Coded | Unreadable] = []
    for group in _groups(items, 1 if note else GROUP):
        try:
            if note:
                note(len(found))
            with within(work.time_limit):
                coded = _code(model, work, group)
        except (Exception, TooLong) as error:
            coded = [_set_aside(group[0], work, error)] if len(group) == 1 else [_one(model, work, i) for i in group]
        found += coded
    return found


def _one(model: "_Model", work: Work, item: Item) -> Coded | Unreadable:
    try:
        with within(work.time_limit):
            return _code(model, work, [item])[0]
    except (Exception, TooLong) as error:
        return _set_aside(item, work, error)


def _set_aside(item: Item, work: Work, error: BaseException) -> Unreadable:
    if isinstance(error, TooLong):
        return Unreadable(item.name, too_long(work), item.size)
    # Addresses in memory differ from run to run.
    reason = re.sub(r"\b0x[0-9a-f]+", "0x…", extract.one_line(error))
    return Unreadable(item.name, f"cannot be coded: {reason}", item.size)


def too_long(work: Work) -> str:
    """Why a document that outlasts its limit is set aside."""
    return f"takes longer than {work.time_limit:g} s: give it more with --time-limit, or cut it into documents"


def _groups(items: Sequence[Item], most: int) -> Iterator[list[Item]]:
    group: list[Item] = []
    size = 0
    for item in items:
        own = weight(item)
        if group and (len(group) == most or size + own > GROUP_SIZE):
            yield group
            group, size = [], 0
        group.append(item)
        size += own
    if group:
        yield group


def weight(item: Item) -> int:
    """Characters of a text, bytes of a closed file."""
    return len(item.text) if isinstance(item, Document) else item.size if isinstance(item, File) else 0


def _code(model: "_Model", work: Work, items: Sequence[Item]) -> list[Coded | Unreadable]:
    read = [read_file(item, work.encoding) if isinstance(item, File) else item for item in items]
    cut = [[] if isinstance(document, Unreadable) else segment(document.text) for document in read]
    scores = _scores(model.scorer, [clause.text for clauses in cut for clause in clauses])
    found: list[Coded | Unreadable] = []
    for document, clauses in zip(read, cut, strict=True):
        if isinstance(document, Unreadable):
            found.append(document)
        else:
            rows = [_row(document.name, clause, model.labels, next(scores), work.thresholds) for clause in clauses]
            if work.explain:
                for row in rows:
                    row["because"] = model.explainer.phrases(row["text"], likeliest(row))[: work.explain]
            found.append(Coded(document, rows))
    return found


def _scores(scorer: Any, texts: list[str]) -> Iterator[Any]:
    for start in range(0, len(texts), BATCH):
        yield from scorer.predict_proba(texts[start : start + BATCH])


def _row(
    name: str, clause: Clause, labels: list[str], scores: Any, thresholds: dict[str, float | None] | None
) -> dict[str, Any]:
    """Characters `start` to `end` of the document are `text`, `confidence` is the largest probability.

    With thresholds the label is `uncertain` where the confidence falls below that of the code.
    """
    values = [float(value) for value in scores]
    best = values.index(max(values))
    label = labels[best] if thresholds is None or _holds(values[best], thresholds.get(labels[best])) else UNCERTAIN
    return {
        "document": name,
        "start": clause.start,
        "end": clause.end,
        "text": clause.text,
        "label": label,
        "confidence": round(values[best], 4),
        "probabilities": {label: round(value, 4) for label, value in zip(labels, values, strict=True)},
    }


def _holds(confidence: float, threshold: float | None) -> bool:
    return threshold is not None and confidence >= threshold


def likeliest(row: dict[str, Any]) -> str:
    """The code given, or of an uncertain clause the one with the largest probability."""
    if row["label"] != UNCERTAIN:
        return str(row["label"])
    return str(max(row["probabilities"], key=row["probabilities"].__getitem__))


class _Model(NamedTuple):
    scorer: Any
    labels: list[str]
    explainer: Any


_loaded: dict[tuple[str, bool, str, int], _Model] = {}


def _model(work: Work) -> _Model:
    """The model of this process, loaded once; InputError where its file or the code is not what was asked for."""
    key = (work.sha256, bool(work.explain), work.scorer, work.few)
    if key in _loaded:
        return _loaded[key]
    path = Path(work.model)
    if not path.is_file():
        raise InputError(f"no model at {path} where the work is done: copy it there, under the same name")
    if model_sha256(path) != work.sha256:
        raise InputError(f"{path} is another model where the work is done: copy the one of this run there")
    if fingerprint() != work.code:
        raise InputError("the workers have other code or libraries than this command: bring both to one version")
    explainer = None
    if work.explain or work.scorer == "sklearn":
        scorer: Any = load(path, trust=work.trust).pipeline
    else:
        scorer = load_scorer(path, trust=work.trust, few=work.few).pipeline
    if work.explain:
        from models.explain import Explainer

        explainer = Explainer(scorer)
        if work.scorer == "fast":
            scorer = FastScorer.from_pipeline(scorer, few=work.few)
    _loaded[key] = _Model(scorer, [str(label) for label in scorer.classes_], explainer)
    return _loaded[key]


def model_sha256(path: Path) -> str:
    """A hash of a model's file and of the arrays beside it, which the rows come from."""
    files = [each for each in (path, path.with_suffix(".npz")) if each.is_file()]
    return hashlib.sha256(" ".join(map(file_sha256, files)).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The hash of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint() -> str:
    """A hash of the code and of the versions of libraries that the rows depend on."""
    root = Path(__file__).resolve().parent.parent
    names = ("coding", "compact", "explain", "kernel", "outputs", "scorer")
    files = sorted([*root.glob("data/*.py"), *root.glob("features/*.py"), *(root / f"models/{n}.py" for n in names)])
    sources = {str(file.relative_to(root)): file_sha256(file) for file in files if file.exists()}
    libraries = {name: importlib.metadata.version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    return hashlib.sha256(json.dumps([sources, libraries], sort_keys=True).encode()).hexdigest()


def part(work: Work, form: str, items: Sequence[Item], note: Callable[[int], None] | None = None) -> Part:
    """Code a shard and write its rows as `form`, parquet or jsonl."""
    found = code(work, items, note)
    coded = [each for each in found if isinstance(each, Coded)]
    rows = [row for each in coded for row in each.rows]
    labels = Counter(row["label"] for row in rows)
    rejects = [{"document": each.name, "reason": each.reason} for each in found if isinstance(each, Unreadable)]
    content = encode(form, rows, _model(work).labels, because=bool(work.explain))
    return Part(content, len(rows), len(coded), dict(sorted(labels.items())), rejects)


def part_alone(work: Work, form: str, items: Sequence[Item]) -> Part:
    """`part` for a shard at which workers died."""
    return _alone(work, partial(part, work, form), items)


def code_alone(work: Work, items: Sequence[Item]) -> list[Coded | Unreadable]:
    """`code` for documents at which workers died."""
    return _alone(work, partial(code, work), items)


def _alone(work: Work, function: Callable[..., Result], items: Sequence[Item]) -> Result:
    """In a process of its own, document by document.

    A document at which that process dies as well, and dies again when it is alone in it, is set aside.
    """
    items = list(items)
    with TemporaryDirectory() as folder:
        note = Path(folder, "note")
        for _ in range(len(items) + MAX_DEATHS):
            note.unlink(missing_ok=True)
            try:
                result: Result = alone_in_a_process(_noting, work, function, items, str(note))
                return result
            except DeathError:
                culprit = _noted(note)
            if culprit is not None and (reason := _deadly(work, function, items[culprit], note)):
                items[culprit] = Unreadable(items[culprit].name, reason, items[culprit].size)
    raise InputError("the workers die again and again, and not for a document: is there too little memory?")


def _deadly(work: Work, function: Callable[..., Any], item: Item, note: Path) -> str | None:
    """Why a document ends the process that codes nothing else, if it does."""
    note.unlink(missing_ok=True)
    try:
        alone_in_a_process(_noting, work, function, [item], str(note))
    except DeathError:
        if not note.exists():
            return None
        stuck = time.time() - note.stat().st_mtime >= work.time_limit
        return too_long(work) if stuck else "ends the process that codes it, every time"
    return None


def _noting(work: Work, function: Callable[..., Result], items: Sequence[Item], note: str) -> Result:
    _model(work)  # what goes wrong with that is no document's fault

    def tell(index: int) -> None:
        Path(note).write_text(f"{index}\n", encoding="ascii")

    return function(items, tell)


def _noted(note: Path) -> int | None:
    try:
        text = note.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return int(text) if text.endswith("\n") else None

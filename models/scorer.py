"""Scores of a saved pipeline, the same numbers sixty times faster from a list, seventy from an Arrow array.

    scorer = FastScorer.from_pipeline(pipeline)
    scorer.predict_proba(texts)          a list, a NumPy or Arrow array, a column of datasets

A few strings are scored in pure Python, many by compiled code (`models.kernel`) that reads Arrow's bytes where they
lie. Strings that the compiled code hands back, and pipelines that are not made of `stance_classifier`'s parts, go the
long way: the answer is always that of the pipeline.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError, shorten
from models.compact import Compact, Floats, compact, probabilities

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from models.kernel import Tables

FEW = 3000  # strings that pure Python has scored before compiled code is loaded
BLOCK = 2048  # strings that a thread takes at a time


class FastScorer:
    """`decision_function`, `predict_proba` and `predict` of a fitted pipeline, with shapes as scikit-learn has them.

    Parameters
    ----------
    model : the pipeline as arrays; None where it cannot be had so, and the pipeline itself scores
    pipeline : needed only without `model`
    n_jobs : threads; -1 for one a processor. The numbers do not depend on it
    few : strings in all from which on compiled code is worth the second that it takes to load; 0 for at once
    """

    def __init__(self, model: Compact | None, pipeline: "Pipeline | None" = None, *, n_jobs: int = 1, few: int = FEW):
        self.model, self.pipeline, self.few = model, pipeline, few
        if n_jobs == 0:
            raise InputError("n_jobs=0 leaves no thread to score: give 1 or more, or -1 for one a processor")
        self.n_jobs = n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)
        self.classes_: NDArray[Any] = model.classes if model else _fitted(pipeline).classes_
        self._scored = 0

    @classmethod
    def from_pipeline(cls, pipeline: "Pipeline", *, n_jobs: int = 1, few: int = FEW) -> "FastScorer":
        """The scorer of a fitted pipeline.

        >>> from models.classifier import stance_classifier
        >>> texts = ["We oppose the bill.", "We oppose it.", "We welcome the bill.", "We welcome it."]
        >>> pipeline = stance_classifier().fit(texts, ["oppose", "oppose", "support", "support"])
        >>> [str(label) for label in FastScorer.from_pipeline(pipeline).predict(["They welcome the bill."])]
        ['support']
        """
        return cls(compact(pipeline), pipeline, n_jobs=n_jobs, few=few)

    def predict(self, texts: Any) -> NDArray[Any]:
        """The label of each string."""
        decisions = self._decisions(texts)
        chosen = decisions.argmax(axis=1) if decisions.shape[1] > 1 else (decisions[:, 0] > 0).astype(int)
        return np.asarray(self.classes_.take(chosen))

    def predict_proba(self, texts: Any) -> Floats:
        """The probabilities of the labels, in the order of `classes_`: n × labels."""
        return probabilities(self._decisions(texts))

    def decision_function(self, texts: Any) -> Floats:
        """The log-odds: n × labels, or n where there are two labels."""
        decisions = self._decisions(texts)
        return decisions[:, 0] if decisions.shape[1] == 1 else decisions

    def _decisions(self, texts: Any) -> Floats:
        chunks = _as_arrow(texts)
        strings = _strings(texts) if chunks is None else []
        number = sum(len(chunk.offsets) - 1 for chunk in chunks or ()) + len(strings)
        self._scored += number
        nothing = np.empty((0, len(self.classes_) if len(self.classes_) > 2 else 1))
        if self.model is None or self._scored <= self.few:
            strings += [text for chunk in chunks or () for text in _decoded(chunk)]
            return self._slowly(strings) if strings else nothing
        return np.concatenate([nothing, *map(self._compiled, chunks if chunks is not None else [_bytes_of(strings)])])

    def _slowly(self, strings: list[str]) -> Floats:
        if self.model is not None:
            return self.model.decisions(strings)
        return np.asarray(_fitted(self.pipeline).decision_function(strings)).reshape(len(strings), -1)

    @cached_property
    def _tables(self) -> "Tables":
        from models.kernel import tables

        assert self.model is not None
        return tables(self.model)

    def _compiled(self, chunk: "Bytes") -> Floats:
        from models.kernel import score

        number = len(chunk.offsets) - 1
        out, back = np.empty((number, len(self._tables.intercept))), np.zeros(number, np.bool_)

        def block(first: int) -> None:
            score(chunk.data, chunk.offsets, first, min(first + BLOCK, number), out, back, self._tables)

        starts = range(0, number, BLOCK)
        if self.n_jobs == 1 or len(starts) < 2:
            for first in starts:
                block(first)
        else:
            with ThreadPoolExecutor(self.n_jobs) as threads:
                list(threads.map(block, starts))
        if back.any() and self.model is not None:
            places = np.flatnonzero(back)
            out[places] = self.model.decisions([_text(chunk, place) for place in places.tolist()])
        return out


class Bytes(NamedTuple):
    """Strings as Arrow has them: UTF-8 end to end, and where each begins; the last offset is the end."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    first: int = 0  # which string of the user's the first one is


def _fitted(pipeline: "Pipeline | None") -> "Pipeline":
    if pipeline is None:
        raise TypeError("a scorer needs the arrays of a model or a pipeline")
    return pipeline


def _as_arrow(texts: Any) -> list[Bytes] | None:
    """The chunks of an Arrow array or of a column of datasets, where they lie; None for anything else."""
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is None:
        return None
    table = getattr(getattr(texts, "source", None), "data", None)
    if table is not None and getattr(texts.source, "_indices", 0) is None:  # a Column of a Dataset in its own order
        texts = table.column(texts.column_name)
    if isinstance(texts, pyarrow.Array):
        texts = pyarrow.chunked_array([texts])
    if not isinstance(texts, pyarrow.ChunkedArray):
        return None
    chunks, first = [], 0
    for chunk in texts.chunks:
        if len(chunk):
            chunks.append(_chunk(pyarrow, chunk, first))
        first += len(chunk)
    return chunks


def _chunk(pyarrow: Any, array: Any, first: int) -> Bytes:
    kind = array.type.value_type if pyarrow.types.is_dictionary(array.type) else array.type
    types = (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view())
    if kind not in types and array.null_count < len(array):
        raise InputError(f"texts are strings, not {array.type}")
    if array.null_count:
        place = array.is_null().to_numpy(zero_copy_only=False).argmax()
        raise InputError(f"text {first + int(place) + 1} is missing: leave out rows without text")
    if array.type not in types[:2]:
        array = array.cast(pyarrow.large_string())
    _, offsets, data = array.buffers()
    wide = np.int64 if array.type == types[1] else np.int32
    places = np.frombuffer(offsets, wide)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    content = _unwritable(np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8))
    if len(places) <= len(array) or places[0] < 0 or places[-1] > len(content) or (np.diff(places) < 0).any():
        raise InputError("the offsets of an Arrow array of texts point outside its data: it was damaged")
    return Bytes(content, places, first)


def _unwritable(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One kind of array for the compiled code: what comes from Arrow cannot be written."""
    array.flags.writeable = False
    return array


def _strings(texts: Any) -> list[str]:
    """A list of strings from whatever holds them. Raises InputError for a lone string and for what is no string."""
    if isinstance(texts, str | bytes):
        raise InputError(f"{shorten(texts)} is one string: give a list of them")
    if isinstance(texts, np.ndarray) and texts.ndim != 1:
        raise InputError(f"texts are an array of {texts.ndim} dimensions: give one of 1")
    strings = texts.tolist() if isinstance(texts, np.ndarray) else list(texts)
    for place, text in enumerate(strings, 1):
        if not isinstance(text, str):
            raise InputError(f"text {place} is {shorten(text)}, a {type(text).__name__}: texts are strings")
    return strings


def _bytes_of(strings: list[str]) -> Bytes:
    encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return Bytes(_unwritable(np.frombuffer(b"".join(encoded), np.uint8)), offsets)


def _text(chunk: Bytes, place: int) -> str:
    content = chunk.data[chunk.offsets[place] : chunk.offsets[place + 1]].tobytes()
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise InputError(f"text {chunk.first + place + 1} is no UTF-8: {shorten(content)}") from None


def _decoded(chunk: Bytes) -> Iterator[str]:
    return (_text(chunk, place) for place in range(len(chunk.offsets) - 1))

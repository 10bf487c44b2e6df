"""The saved pipeline as plain arrays, and scores from them in pure Python: no scikit-learn, nothing to unpickle.

compact(pipeline)          → Compact, or None where the pipeline is of another make
to_bytes / from_bytes      → and as a file of arrays, `models/stance.npz`
compact.decisions(texts)   → the pipeline's decision function, string by string
"""

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import accumulate, pairwise
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FORMAT = 1
STEM = "stem"
TOKEN_NAMES = (
    "words",
    "words and punctuation",
    "words without numbers",
    "words, of numbers the first digit",
    STEM,
)
NORMS = ("l1", "l2", None)
ANALYZERS = ("word", "char", "char_wb")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """How one vectoriser reads a string: its settings, in scikit-learn's names.

    `token` is a name of `features.text.TOKENS`, or `STEM` with the stem's length in `stem_length`; `token_pattern` is
    the same as a regular expression, with the actors in it where `blind`.
    """

    analyzer: str
    token: str
    token_pattern: str
    stem_length: int
    blind: bool
    ngram_range: tuple[int, int]
    stop_words: tuple[str, ...]
    sublinear_tf: bool
    binary: bool
    norm: str | None

    def analyze(self, text: str) -> Iterable[str]:
        """The n-grams of a string, as scikit-learn's analyzer of these settings gives them."""
        text = text.lower()
        if self.analyzer == "word":
            tokens = [token for token in self.tokens(text) if token not in self._stops]
            return (" ".join(tokens[i : i + n]) for i, n in _windows(len(tokens), *self.ngram_range))
        text = re.sub(r"\s\s+", " ", text)
        if self.analyzer == "char":
            return (text[i : i + n] for i, n in _windows(len(text), *self.ngram_range))
        return self._within_words(text)

    def _within_words(self, text: str) -> Iterator[str]:
        low, high = self.ngram_range
        for word in text.split():
            padded = f" {word} "
            if len(padded) < low:
                yield padded  # a word shorter than every n counts once
            yield from (padded[i : i + n] for i, n in _windows(len(padded), low, high))

    @cached_property
    def tokens(self) -> Callable[[str], list[str]]:
        """From a string in lower case to its tokens, empty ones for actors."""
        return re.compile(self.token_pattern).findall

    @cached_property
    def _stops(self) -> frozenset[str]:
        return frozenset(self.stop_words)


def _windows(length: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    return ((i, n) for n in range(low, min(high, length) + 1) for i in range(length - n + 1))


@dataclass(frozen=True)
class Compact:
    """A fitted pipeline: for each vectoriser its kind, terms in the order of their columns and idf; the regression.

    `coef` is K × columns and `intercept` K long, with K = 1 for two classes as in scikit-learn. `actors` are the
    sequences of words that the token patterns pass over (`features.actors.actor_sequences`).
    """

    kinds: tuple[Kind, ...]
    terms: tuple[list[str], ...]
    idf: tuple[Floats, ...]
    coef: Floats
    intercept: Floats
    classes: NDArray[Any]
    actors: tuple[tuple[str, ...], ...]

    @cached_property
    def bases(self) -> list[int]:
        """The first column of each vectoriser, and the number of all columns."""
        return list(accumulate(map(len, self.terms), initial=0))

    @cached_property
    def _columns(self) -> list[dict[str, int]]:
        return [dict(zip(terms, range(len(terms)), strict=True)) for terms in self.terms]

    @cached_property
    def _weights(self) -> Floats:
        return np.ascontiguousarray(self.coef.T)

    def decisions(self, texts: Sequence[str]) -> Floats:
        """The decision function: texts × K."""
        out = np.tile(self.intercept, (len(texts), 1))
        for row, text in zip(out, texts, strict=True):
            for kind, columns, idf, base in zip(self.kinds, self._columns, self.idf, self.bases, strict=False):
                found = Counter(columns[term] for term in kind.analyze(text) if term in columns)
                if found:
                    places = np.fromiter(found, np.int64, len(found))
                    row += _weighed(kind, found.values(), idf[places]) @ self._weights[base + places]
        return out


def _weighed(kind: Kind, counts: Iterable[int], idf: Floats) -> Floats:
    tf = [1.0 if kind.binary else 1 + log(n) if kind.sublinear_tf else float(n) for n in counts]
    values = np.array(tf) * idf
    if kind.norm is None:
        return values
    norm = float(np.abs(values).sum()) if kind.norm == "l1" else sqrt(float(values @ values))
    return values / norm if norm else values


def compact(pipeline: "Pipeline") -> Compact | None:
    """The arrays of a fitted pipeline, or None where a part of it is not one that `stance_classifier` makes."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, Pipeline

    from features.actors import actor_sequences

    if type(pipeline) is not Pipeline or len(pipeline) != 2 or type(pipeline[-1]) is not LogisticRegression:
        return None
    union, regression = pipeline[0], pipeline[-1]
    weighted = type(union) is FeatureUnion and union.transformer_weights
    vectorisers = [part for _, part in union.transformer_list] if type(union) is FeatureUnion else [union]
    if weighted or not vectorisers or any(type(each) is not TfidfVectorizer for each in vectorisers):
        return None
    kinds = [kind_of(each) for each in vectorisers]
    plain = regression.classes_.dtype.kind in "Uiub" and regression.coef_.dtype == np.float64
    if not plain or not all(kinds):
        return None
    return Compact(
        kinds=tuple(kind for kind in kinds if kind),
        terms=tuple([str(term) for term in each.get_feature_names_out()] for each in vectorisers),
        idf=tuple(np.array(each.idf_ if each.use_idf else np.ones(len(each.vocabulary_))) for each in vectorisers),
        coef=np.ascontiguousarray(regression.coef_),
        intercept=np.array(regression.intercept_),
        classes=np.array(regression.classes_),
        actors=tuple(actor_sequences()),
    )


def kind_of(vectoriser: Any) -> Kind | None:
    """The settings of a TfidfVectorizer, None where one of them is not understood here."""
    usual = {"input": "content", "lowercase": True, "preprocessor": None, "strip_accents": None, "tokenizer": None}
    if any(getattr(vectoriser, name) != value for name, value in usual.items()) or vectoriser.dtype != np.float64:
        return None
    token = _token(vectoriser.token_pattern) if vectoriser.analyzer == "word" else ("", 0, False)
    stop_words = vectoriser.get_stop_words() if vectoriser.analyzer == "word" else None
    if vectoriser.analyzer not in ANALYZERS or token is None or (token[2] and "" not in (stop_words or ())):
        return None
    return Kind(
        analyzer=vectoriser.analyzer,
        token=token[0],
        token_pattern=vectoriser.token_pattern if vectoriser.analyzer == "word" else "",
        stem_length=token[1],
        blind=token[2],
        ngram_range=(int(vectoriser.ngram_range[0]), int(vectoriser.ngram_range[1])),
        stop_words=tuple(sorted(map(str, stop_words or ()))),
        sublinear_tf=bool(vectoriser.sublinear_tf),
        binary=bool(vectoriser.binary),
        norm=vectoriser.norm,
    )


def _token(pattern: str | None) -> tuple[str, int, bool] | None:
    """Name, stem length and blindness of a token pattern of `features.text`."""
    from features.actors import passing_over_actors
    from features.text import TOKENS, stem_pattern

    length = re.search(r"\\w\{1,(\d+)\}\)\\w\*\)?$", pattern or "")
    known = {name: (token, 0) for name, token in TOKENS.items()}
    if length and int(length[1]):
        known[STEM] = (stem_pattern(int(length[1])), int(length[1]))
    for name, (token, stem_length) in known.items():
        for blind, whole in ((False, f"(?u){token}"), (True, passing_over_actors(token))):
            if pattern == whole:
                return name, stem_length, blind
    return None


def to_bytes(model: Compact) -> bytes:
    """The model as a file of NumPy arrays without objects; the same model gives the same bytes."""
    settings = {
        "format": FORMAT,
        "kinds": [asdict(kind) for kind in model.kinds],
        "actors": [" ".join(sequence) for sequence in model.actors],
    }
    arrays: dict[str, NDArray[Any]] = {
        "settings": _utf8(json.dumps(settings, ensure_ascii=False)),
        "coef": model.coef,
        "intercept": model.intercept,
        "classes": model.classes,
    }
    for place, (terms, idf) in enumerate(zip(model.terms, model.idf, strict=True)):
        arrays[f"terms{place}"] = _utf8("".join(terms))
        arrays[f"lengths{place}"] = np.array([len(term) for term in terms], np.uint32)
        arrays[f"idf{place}"] = idf
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980-01-01
            entry.create_system = 3  # the same on every system
            entry.compress_type = zipfile.ZIP_STORED if array.dtype == np.float64 else zipfile.ZIP_DEFLATED
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(entry, content.getvalue())
    return target.getvalue()


def _utf8(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def from_bytes(content: bytes) -> Compact:
    """What `to_bytes` wrote. Raises ValueError, with what is wrong, for anything else; runs nothing of the file."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        settings = json.loads(arrays["settings"].tobytes())
        if settings["format"] != FORMAT:
            raise ValueError(f"its format is {settings['format']!r}, not {FORMAT}")
        kinds = tuple(_checked_kind(each) for each in settings["kinds"])
        terms = tuple(_terms(arrays[f"terms{i}"], arrays[f"lengths{i}"]) for i in range(len(kinds)))
        idf = tuple(_floats(arrays[f"idf{i}"], (len(each),)) for i, each in enumerate(terms))
        classes = arrays["classes"]
        rows = len(classes) if len(classes) > 2 else 1
        if classes.ndim != 1 or len(classes) < 2 or classes.dtype.kind not in "Uiub":
            raise ValueError("its classes are no labels")
        return Compact(
            kinds=kinds,
            terms=terms,
            idf=idf,
            coef=_floats(arrays["coef"], (rows, sum(map(len, terms)))),
            intercept=_floats(arrays["intercept"], (rows,)),
            classes=classes,
            actors=tuple(_sequence(each) for each in settings["actors"]),
        )
    except KeyError as error:
        raise ValueError(f"it has no {error}") from None
    except Exception as error:  # what damage makes a library raise has no common base
        told = " ".join(str(error).split())[:200]
        raise ValueError(told or type(error).__name__) from None


def _checked_kind(entry: dict[str, Any]) -> Kind:
    given = {field.name: entry[field.name] for field in fields(Kind)}
    low, high = given["ngram_range"]
    numbers = (low, high, given["stem_length"])
    switches = ("blind", "sublinear_tf", "binary")
    fits = (
        given["analyzer"] in ANALYZERS
        and given["norm"] in NORMS
        and all(isinstance(given[name], str) for name in ("token", "token_pattern"))
        and all(isinstance(given[name], bool) for name in switches)
        and all(type(number) is int for number in numbers)
        and 1 <= low <= high <= 1000
        and (given["token"] == STEM) <= given["stem_length"] <= 1000
        and (given["token"] in TOKEN_NAMES if given["analyzer"] == "word" else given["token"] == "")
        and all(isinstance(word, str) for word in given["stop_words"])
    )
    if not fits:
        raise ValueError("its settings are not ones that a vectoriser has")
    re.compile(given["token_pattern"])
    return Kind(**given | {"ngram_range": (low, high), "stop_words": tuple(given["stop_words"])})


def _sequence(words: str) -> tuple[str, ...]:
    sequence = tuple(words.split(" "))
    if not re.fullmatch(r"\w+", sequence[0]):
        raise ValueError("an actor begins with no word")
    return sequence


def _terms(blob: NDArray[Any], lengths: NDArray[Any]) -> list[str]:
    if blob.dtype != np.uint8 or lengths.dtype != np.uint32 or lengths.ndim != 1:
        raise ValueError("its terms are no text")
    text = blob.tobytes().decode("utf-8", "surrogatepass")
    bounds = list(accumulate(lengths.tolist(), initial=0))
    if bounds[-1] != len(text):
        raise ValueError("the lengths of its terms do not add up")
    return [text[start:stop] for start, stop in pairwise(bounds)]


def _floats(array: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    if array.dtype != np.float64 or array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"an array has the shape {array.shape} or no finite numbers, where {shape} are due")
    return np.ascontiguousarray(array)


def probabilities(decisions: Floats) -> Floats:
    """Of decisions, n × K, the probabilities of the classes as logistic regression has them: n × classes."""
    if decisions.shape[1] == 1:
        with np.errstate(over="ignore"):
            one = 1 / (1 + np.exp(-decisions[:, 0]))
        return np.stack([1 - one, one], axis=1)
    by_class = np.ascontiguousarray(decisions.T)  # a few long rows are reduced faster than many short ones
    raised = np.exp(by_class - by_class.max(axis=0))
    return np.ascontiguousarray((raised / raised.sum(axis=0)).T)

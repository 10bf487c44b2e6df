"""How the classifier is kept: `save` and `load` are an inverse pair.

Beside `stance.joblib` stand its card `stance.json`, with the SHA-256 that `load` checks before anything is unpickled,
`stance.skops`, the same pipeline without pickle, and `stance.npz`, what a scorer needs of it as plain arrays.
"""

import hashlib
import io
import json
import os
import platform
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json

from data.errors import InputError, replacing, require_writable, shorten
from models.scorer import FEW, FastScorer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MODEL = Path("models/stance.joblib")
RETRAIN = "train it again with `make clean train` (python -m train)"
MAX_MODEL_BYTES = 2_000_000_000
MAX_UNPACKED_BYTES = 8_000_000_000
MAX_CARD_BYTES = 100_000_000
MAX_COUNT = 1 << 48  # clauses in a cell of the confusions, so that sums of them fit into 64 bits
_PRECISION = re.compile(r"0\.\d*[1-9]\d*", re.ASCII)  # above 0, below 1
# All that a pipeline of `models.classifier` holds, as skops names it: module, class and how it is built. No other type
# is built from a .skops file, whatever the file itself or skops' own list says of it.
SKOPS_TYPES = frozenset(
    {
        ("sklearn.pipeline", "Pipeline", "ObjectNode"),
        ("sklearn.pipeline", "FeatureUnion", "ObjectNode"),
        ("sklearn.feature_extraction.text", "TfidfVectorizer", "ObjectNode"),
        ("sklearn.feature_extraction.text", "TfidfTransformer", "ObjectNode"),
        ("sklearn.linear_model._logistic", "LogisticRegression", "ObjectNode"),
        ("numpy", "ndarray", "NdArrayNode"),
        ("numpy", "float64", "NdArrayNode"),
        ("numpy", "int64", "NdArrayNode"),
        ("numpy", "float64", "TypeNode"),
        ("builtins", "str", "TypeNode"),
        ("builtins", "str", "JsonNode"),
        ("builtins", "dict", "DictNode"),
        ("builtins", "list", "ListNode"),
        ("builtins", "tuple", "TupleNode"),
    }
)


class Saved(NamedTuple):
    """A fitted pipeline, or a scorer that stands for it, and the card that describes it."""

    pipeline: Any
    card: dict[str, Any]


def check_target(path: Path) -> None:
    """Raise InputError when a model could not be saved at `path`."""
    if path.suffix != ".joblib":
        raise InputError(f"cannot save the model as {path}: its name should end in .joblib")
    for target in _files(path):
        require_writable(target)


def save(pipeline: "Pipeline", card: dict[str, Any], path: Path = MODEL) -> None:
    """Write the pipeline, its copies without pickle and its card; the same pipeline gives the same bytes.

    All files are written whole under other names and then renamed. The joblib file comes last: until it is there, the
    old one stands beside a card that does not vouch for it, which `load` refuses and `make` mends.
    """
    import joblib

    from models.compact import compact, to_bytes

    check_target(path)
    joblib_file, skops_file, arrays_file, card_file = _files(path)
    for part in pipeline.get_params(deep=True).values():
        # A vectoriser remembers the address of its stop words, which differs from run to run; it does without.
        if hasattr(part, "_stop_words_id"):
            del part._stop_words_id
    buffer = io.BytesIO()
    joblib.dump(pipeline, buffer)
    contents = {skops_file: _skops_bytes(pipeline), joblib_file: buffer.getvalue()}
    arrays = compact(pipeline)
    if arrays is not None:
        contents[arrays_file] = to_bytes(arrays)
    hashes = {file.name: hashlib.sha256(content).hexdigest() for file, content in sorted(contents.items())}
    full_card = card | {"versions": versions(), "sha256": hashes}
    contents[card_file] = (json.dumps(full_card, indent=2, ensure_ascii=False) + "\n").encode()
    files = [file for file in (joblib_file, card_file, skops_file, arrays_file) if file in contents]
    try:
        with ExitStack() as stack:
            # Files take their places in the reverse order of this one.
            for file in files:
                _write(stack.enter_context(replacing(file)), contents[file])
        if arrays is None:
            arrays_file.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def load(path: Path = MODEL, *, trust: bool = False) -> Saved:
    """Load what `save` wrote, from its .joblib or its .skops file.

    Raises InputError for a missing, changed or foreign file. A pickle can run any code when it is opened, so a file
    for which no card vouches is opened only with `trust=True`. Another version of scikit-learn than the one that
    saved the model is named in a warning.
    """
    import sklearn

    content, card = _vouched(path, trust)
    saved = _entry_of(card, "versions", "scikit-learn")
    if saved not in (None, sklearn.__version__):
        warnings.warn(
            f"{path} was made with scikit-learn {saved} and is opened with {sklearn.__version__}: "
            f"its scores may differ; {RETRAIN}",
            stacklevel=2,
        )
    pipeline = _open(path, content)
    _require_own(card, pipeline.classes_, path)
    return Saved(pipeline, card or {})


def load_scorer(path: Path = MODEL, *, trust: bool = False, n_jobs: int = 1, few: int = FEW) -> Saved:
    """The model saved at `path` as a `models.scorer.FastScorer`, and its card; raises InputError as `load` does.

    Only the arrays beside it are opened, without scikit-learn and with nothing that could run; where the model has
    none, the model itself.
    """
    from models.compact import from_bytes

    if not path.is_file():
        raise _missing(path)
    arrays = path.with_suffix(".npz")
    card = _read_card(path.with_suffix(".json"))
    if not arrays.is_file() or not (trust or _entry_of(card, "sha256", arrays.name)):
        saved = load(path, trust=trust)
        return Saved(FastScorer.from_pipeline(saved.pipeline, n_jobs=n_jobs, few=few), saved.card)
    content, card = _vouched(arrays, trust)
    try:
        scorer = FastScorer(from_bytes(content), n_jobs=n_jobs, few=few)
        _require_own(card, scorer.classes_, path)
        return Saved(scorer, card or {})
    except ValueError as error:
        raise InputError(f"{arrays} cannot be opened as a saved model: {error}; {RETRAIN}") from None


def versions() -> dict[str, str]:
    """The versions on which a model's numbers depend."""
    import numpy
    import scipy
    import sklearn

    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
    }


def _files(path: Path) -> tuple[Path, Path, Path, Path]:
    return path, path.with_suffix(".skops"), path.with_suffix(".npz"), path.with_suffix(".json")


def _vouched(path: Path, trust: bool) -> tuple[bytes, dict[str, Any] | None]:
    """A file of a model, vouched for by the card that is returned with it, or trusted."""
    if not path.is_file():
        raise _missing(path)
    content = _read(path, MAX_MODEL_BYTES)
    card = _read_card(path.with_suffix(".json"))
    if not trust:
        _check_hash(path, content, card)
    return content, card


def _missing(path: Path) -> InputError:
    return InputError(f"no model at {path}: make one with `make train` (python -m train)")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(f"{path} is over {limit // 1_000_000:,} MB, too large for what train writes; {RETRAIN}")
    return content


def _read_card(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    if not path.is_file():  # a pipe or a device would be read for ever
        raise InputError(f"the model's card {path} is no file; {RETRAIN}")
    try:
        card = from_json(_read(path, MAX_CARD_BYTES))  # refuses what is nested more than 200 deep
    except (OSError, ValueError) as error:
        raise InputError(f"the model's card {path} cannot be read: {error}; {RETRAIN}") from None
    if not isinstance(card, dict) or not _is_card(card):
        raise _foreign(path)
    return card


def _foreign(card: Path) -> InputError:
    return InputError(f"the model's card {card} is not one that `python -m train` writes; {RETRAIN}")


def _is_card(card: dict[str, Any]) -> bool:
    """Whether the parts of a card that something is computed from are there as `train` writes them, or not at all."""
    labels, grid, confusion = card.get("labels", []), card.get("thresholds", {}), card.get("confusion", [])
    return (
        all(isinstance(card.get(table, {}), dict) for table in ("sha256", "versions", "data", "settings"))
        and isinstance(labels, list)
        and all(isinstance(label, str) for label in labels)
        and isinstance(grid, dict)
        and all(_PRECISION.fullmatch(name) and _are_thresholds(each, labels) for name, each in grid.items())
        and isinstance(confusion, list)
        and ("confusion" not in card or len(confusion) == len(labels) > 0)
        and all(isinstance(row, list) and len(row) == len(labels) and all(map(_is_count, row)) for row in confusion)
    )


def _are_thresholds(each: Any, labels: list[str]) -> bool:
    return (
        isinstance(each, dict)
        and set(each) == set(labels) != set()
        and all(value is None or (type(value) in (int, float) and 0 <= value <= 1) for value in each.values())
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _require_own(card: dict[str, Any] | None, classes: Any, path: Path) -> None:
    """Raise InputError where a card's thresholds and confusions are about other labels than those of the model."""
    if card and (card.get("thresholds") or card.get("confusion")) and card["labels"] != [str(each) for each in classes]:
        raise _foreign(path.with_suffix(".json"))


def _entry_of(card: dict[str, Any] | None, table: str, name: str) -> str | None:
    entry = (card or {}).get(table, {}).get(name)
    return entry if isinstance(entry, str) else None


def _check_hash(path: Path, content: bytes, card: dict[str, Any] | None) -> None:
    expected = _entry_of(card, "sha256", path.name)
    if expected is None:
        raise InputError(
            f"no card {path.with_suffix('.json').name} vouches for {path}, and opening it could run any code: "
            f"{RETRAIN}, or pass --trust if you know where it comes from"
        )
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise InputError(
            f"{path} is not the file its card describes (SHA-256 {found[:12]}…, expected {expected[:12]}…): "
            f"it was damaged or replaced; {RETRAIN}"
        )


def _open(path: Path, content: bytes) -> "Pipeline":
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning
    from sklearn.pipeline import Pipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # said once, by load
        try:
            pipeline = _from_skops(content) if path.suffix == ".skops" else joblib.load(io.BytesIO(content))
        except Exception as error:  # unpickling foreign bytes raises whatever it likes
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(f"{path} cannot be opened as a saved model: {reason}") from None
    try:
        fits = isinstance(pipeline, Pipeline) and len(pipeline.predict_proba(["A trial."])[0]) == len(pipeline.classes_)
    except Exception:  # a pipeline of something else, or one that was never fitted
        fits = False
    if not fits:
        raise InputError(f"{path} holds a {type(pipeline).__name__}, not a fitted pipeline from texts to labels")
    return pipeline


def _from_skops(content: bytes) -> "Pipeline":
    import skops.io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise ValueError(f"it is over {MAX_UNPACKED_BYTES // 1_000_000_000} GB when unpacked")
        schema = json.loads(archive.read("schema.json"))
    if foreign := set(_types(schema)) - SKOPS_TYPES:
        module, name, _ = min(foreign)
        raise ValueError(f"it holds {shorten(f'{module}.{name}')}, which no pipeline of this project does")
    return skops.io.loads(content, trusted=[])


def _types(schema: Any) -> Iterator[tuple[str, str, str]]:
    """What the nodes of a schema would build. The words of a vocabulary are keys, too, but name nodes, not strings."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            kind = [node.get(key) for key in ("__module__", "__class__", "__loader__")]
            if any(each is not None and not isinstance(each, dict) for each in kind):
                yield str(kind[0]), str(kind[1]), str(kind[2])
            waiting.extend(value for value in node.values() if isinstance(value, dict | list))
        elif isinstance(node, list):
            waiting.extend(each for each in node if isinstance(each, dict | list))


def _skops_bytes(pipeline: "Pipeline") -> bytes:
    """The pipeline as skops writes it, with the two things that change from run to run made constant.

    skops names the parts of an object by their address in memory and stamps the archive with the time.
    """
    import skops.io

    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline)))
    schema = json.loads(source.read("schema.json"))
    names: dict[str, str] = {}
    ids: dict[tuple[str, int], int] = {}
    _renumber(schema, ids, names)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for old, new in names.items():
            archive.writestr(_entry(new), source.read(old))
        archive.writestr(_entry("schema.json"), json.dumps(schema))
    return target.getvalue()


def _renumber(node: Any, ids: dict[tuple[str, int], int], names: dict[str, str]) -> None:
    if isinstance(node, dict):
        # A vocabulary has keys of its own, "file" among them; those hold nodes, never a name or a number.
        if isinstance(number := node.get("__id__"), int):
            # Whether two equal strings are one object is chance; of other parts it is what holds the object together.
            node["__id__"] = ids.setdefault(("constant", len(ids)) if "is_json" in node else ("part", number), len(ids))
        if isinstance(name := node.get("file"), str):
            node["file"] = names.setdefault(name, f"{len(names)}{Path(name).suffix}")
        for child in node.values():
            _renumber(child, ids, names)
    elif isinstance(node, list):
        for child in node:
            _renumber(child, ids, names)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # dated 1980-01-01
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same on every system
    return entry

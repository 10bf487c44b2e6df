"""How the classifier is kept: `save` and `load` are an inverse pair.

Beside `stance.joblib` stand its card `stance.json`, with the SHA-256 that `load` checks before anything is unpickled,
`stance.skops`, the same pipeline without pickle, and `stance.npz`, what a scorer needs of it as plain arrays.
"""

import hashlib
import io
import json
import os
import platform
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data.errors import InputError, make_folder, require_writable

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MODEL = Path("models/stance.joblib")
RETRAIN = "train it again with `make clean train` (python -m train)"


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
    order = [file for file in (arrays_file, skops_file, card_file, joblib_file) if file in contents]
    temporaries = {file: file.parent / f".{file.name}.{os.getpid()}.tmp" for file in order}
    make_folder(path.parent)
    try:
        for file, temporary in temporaries.items():
            _write(temporary, contents[file])
        for file, temporary in temporaries.items():
            os.replace(temporary, file)
        if arrays is None:
            arrays_file.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def load(path: Path = MODEL, *, trust: bool = False) -> Saved:
    """Load what `save` wrote, from its .joblib or its .skops file.

    Raises InputError for a missing, changed or foreign file. A pickle can run any code when it is opened, so a file
    for which no card vouches is opened only with `trust=True`. Another version of scikit-learn than the one that
    saved the model is named in a warning.
    """
    import sklearn

    content, card = _read(path, trust)
    saved = _entry_of(card, "versions", "scikit-learn")
    if saved not in (None, sklearn.__version__):
        warnings.warn(
            f"{path} was made with scikit-learn {saved} and is opened with {sklearn.__version__}: "
            f"its scores may differ; {RETRAIN}",
            stacklevel=2,
        )
    return Saved(_open(path, content), card or {})


def load_scorer(path: Path = MODEL, *, trust: bool = False, n_jobs: int = 1) -> Saved:
    """The model saved at `path` as a `models.scorer.FastScorer`, and its card; raises InputError as `load` does.

    Only the arrays beside it are opened, without scikit-learn and with nothing that could run; where the model has
    none, the model itself.
    """
    from models.compact import from_bytes
    from models.scorer import FastScorer

    arrays = path.with_suffix(".npz")
    card = _read_card(path.with_suffix(".json"))
    if not arrays.is_file() or not (trust or _entry_of(card, "sha256", arrays.name)):
        saved = load(path, trust=trust)
        return Saved(FastScorer.from_pipeline(saved.pipeline, n_jobs=n_jobs), saved.card)
    content, card = _read(arrays, trust)
    try:
        return Saved(FastScorer(from_bytes(content), n_jobs=n_jobs), card or {})
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


def _read(path: Path, trust: bool) -> tuple[bytes, dict[str, Any] | None]:
    """A file of a model, vouched for by the card that is returned with it, or trusted."""
    if not path.is_file():
        raise InputError(f"no model at {path}: make one with `make train` (python -m train)")
    content = path.read_bytes()
    card = _read_card(path.with_suffix(".json"))
    if not trust:
        _check_hash(path, content, card)
    return content, card


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_card(path: Path) -> dict[str, Any] | None:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"the model's card {path} cannot be read: {error}; {RETRAIN}") from None
    tables = ("sha256", "versions", "data", "settings")
    if not isinstance(card, dict) or not all(isinstance(card.get(table, {}), dict) for table in tables):
        raise InputError(f"the model's card {path} is not one that `python -m train` writes; {RETRAIN}")
    return card


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

    return skops.io.loads(content, trusted=[])


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

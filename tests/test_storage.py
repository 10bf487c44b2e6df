"""Saving and loading: an inverse pair, the same bytes for the same model, and nothing opened unchecked."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.pipeline import Pipeline
from tiny_corpus import tiny_rows

from data.errors import InputError
from models.classifier import stance_classifier
from models.storage import load, load_scorer, save

TEXTS = [str(row["text"]) for row in tiny_rows()]
# Words that are also the names of fields in skops' own schema.
TRAP = ["The file and the content of the class.", "The file is content with the class."]


@pytest.fixture(scope="module")
def fitted() -> Pipeline:
    return stance_classifier().fit(TEXTS + TRAP * 2, [str(row["label"]) for row in tiny_rows()] + ["none"] * 4)


@pytest.fixture
def saved(tmp_path: Path, fitted: Pipeline) -> Path:
    save(fitted, {"labels": ["none"]}, tmp_path / "stance.joblib")
    return tmp_path / "stance.joblib"


@pytest.mark.parametrize("suffix", [".joblib", ".skops"])
def test_load_returns_what_was_saved(saved: Path, fitted: Pipeline, suffix: str) -> None:
    again = load(saved.with_suffix(suffix))
    assert np.array_equal(again.pipeline.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert again.card["labels"] == ["none"]
    assert again.card["versions"]["scikit-learn"] == sklearn.__version__


def test_saving_again_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    again = load(saved)
    again.pipeline.predict(TEXTS)
    save(again.pipeline, {"labels": ["none"]}, tmp_path / "twice/stance.joblib")
    for name in ("stance.joblib", "stance.skops", "stance.npz", "stance.json"):
        assert (tmp_path / "twice" / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_pickle_names_no_module_of_ours(saved: Path) -> None:
    names: set[str] = set()

    class Recorder(joblib.numpy_pickle.NumpyUnpickler):
        def find_class(self, module: str, name: str) -> object:
            names.add(module.split(".")[0])
            return super().find_class(module, name)

    with saved.open("rb") as file:
        Recorder(str(saved), file, ensure_native_byte_order=True).load()
    assert names <= {"sklearn", "numpy", "joblib", "scipy", "builtins", "collections"}
    assert "sklearn" in names


def test_a_bare_interpreter_in_an_empty_folder_loads_and_predicts(saved: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code = (
        "import sys, joblib; m = joblib.load(sys.argv[1]); print(*m.predict(['We strongly oppose the tariffs.']));"
        "print(*sorted({'data', 'features', 'models', 'train', 'datasets', 'skops'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", code, str(saved)], cwd=empty, capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:2] == ["oppose", ""]


def test_arrays_without_their_model_are_no_model(saved: Path) -> None:
    saved.unlink()
    with pytest.raises(InputError, match=r"no model at .*: make one with `make train`"):
        load_scorer(saved)


def test_a_missing_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model at .*: make one with `make train`"):
        load(tmp_path / "stance.joblib")


@pytest.mark.parametrize("suffix", [".joblib", ".skops"])
def test_a_changed_file_is_refused(saved: Path, suffix: str) -> None:
    path = saved.with_suffix(suffix)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not the file its card describes"):
        load(path)


class Payload:
    """What an attacker would put into a pickle."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("card", [None, "{}", '{"sha256": {}}', '{"sha256": "x"}', '{"sha256": {"stance.joblib": 1}}'])
def test_a_foreign_pickle_is_never_opened(tmp_path: Path, card: str | None) -> None:
    (tmp_path / "stance.joblib").write_bytes(pickle.dumps(Payload(tmp_path / "owned")))
    if card is not None:
        (tmp_path / "stance.json").write_text(card)
    with pytest.raises(InputError):
        load(tmp_path / "stance.joblib")
    assert not (tmp_path / "owned").exists()


def test_trust_opens_a_model_without_a_card(saved: Path, fitted: Pipeline) -> None:
    saved.with_suffix(".json").unlink()
    with pytest.raises(InputError, match="or pass --trust"):
        load(saved)
    assert load(saved, trust=True).card == {}


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps([1, 2]), pickle.dumps(sklearn.linear_model.Ridge())])
def test_trusted_junk_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "junk.joblib").write_bytes(content)
    with pytest.raises(InputError) as error:
        load(tmp_path / "junk.joblib", trust=True)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("card", ["not json", "[]", "\x00", '"x"'])
def test_a_broken_card_is_told(saved: Path, card: str) -> None:
    saved.with_suffix(".json").write_text(card)
    with pytest.raises(InputError, match="card"):
        load(saved)


LABELS = ["call-for", "none", "oppose", "support"]
HOLDING = dict.fromkeys(LABELS, 0.5)
ZEROS = [[0] * 4] * 4
NO_CONFUSIONS: list[Any] = ["x", None, [], {}, [1] * 4, [[1]], [[1] * 4] * 3, [[1] * 4] * 3 + [[1] * 3]]
NO_COUNTS: list[Any] = [-1, 1.5, True, "1", None, 10**30]
NO_GRIDS: list[Any] = [[1], "x", None, {"abc": {}}, {"0.90": None}, {"0.90": {}}, {"0.90": [1]}]
NO_THRESHOLDS: list[Any] = ["0.5", True, -1, 2, []]
NO_LABELS: list[Any] = ["none", None, {}, [1], [["none"]]]


@pytest.mark.parametrize(
    "change",
    [
        *({"confusion": each} for each in NO_CONFUSIONS),
        *({"confusion": [[each] * 4] * 4} for each in NO_COUNTS),
        *({"thresholds": each} for each in NO_GRIDS),
        *({"thresholds": {each: HOLDING}} for each in ("abc", "nan", "0", "0.0", "1", "1.5", "-0.5", "9e-1", "")),
        *({"thresholds": {"0.90": HOLDING | {"none": each}}} for each in NO_THRESHOLDS),
        {"thresholds": {"0.90": HOLDING | {"other": 0.5}}},
        {"thresholds": {"0.90": {"none": 0.5}}},
        *({"labels": each} for each in NO_LABELS),
        {"labels": ["none"], "confusion": [[1]]},
        {"labels": LABELS[::-1], "confusion": ZEROS},
        {"labels": ["none"], "thresholds": {"0.90": {"none": 0.5}}},
    ],
    ids=str,
)
@pytest.mark.parametrize("opened", [load, load_scorer])
def test_a_card_of_another_form_is_told(saved: Path, change: dict[str, object], opened: Any) -> None:
    card = json.loads(saved.with_suffix(".json").read_text()) | {"labels": LABELS} | change
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="is not one that `python -m train` writes"):
        opened(saved)


@pytest.mark.parametrize("opened", [load, load_scorer])
def test_a_card_as_train_writes_it_is_taken(saved: Path, opened: Any) -> None:
    change = {"labels": LABELS, "confusion": ZEROS, "thresholds": {"0.90": HOLDING, "0.99": HOLDING | {"none": None}}}
    card = json.loads(saved.with_suffix(".json").read_text()) | change
    saved.with_suffix(".json").write_text(json.dumps(card))
    assert opened(saved).card == card


def test_another_version_of_scikit_learn_is_named(saved: Path) -> None:
    card = json.loads(saved.with_suffix(".json").read_text())
    card["versions"]["scikit-learn"] = "0.24.2"
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.warns(UserWarning, match=rf"scikit-learn 0\.24\.2 and is opened with {sklearn.__version__}"):
        load(saved)


@pytest.mark.parametrize("target", ["file/stance.joblib", "stance.pkl", "folder.joblib"])
def test_a_bad_target_is_refused_and_leaves_nothing(tmp_path: Path, fitted: Pipeline, target: str) -> None:
    (tmp_path / "file").write_text("a file where a folder is wanted")
    (tmp_path / "folder.joblib").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError):
        save(fitted, {}, tmp_path / target)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_save_cut_short_leaves_nothing_that_loads_as_new(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card comes before the model: whatever is cut short, make sees an old model and load refuses the mixture."""
    replace, done = os.replace, []

    def stop_after_the_card(source: Path, target: Path) -> None:
        if target.suffix == ".joblib":
            raise KeyboardInterrupt
        done.append(target.suffix)
        replace(source, target)

    monkeypatch.setattr(os, "replace", stop_after_the_card)
    with pytest.raises(KeyboardInterrupt):
        save(stance_classifier().fit(TEXTS, ["a", "b"] * 12), {}, saved)
    assert done == [".npz", ".skops", ".json"]
    assert not list(saved.parent.glob("*.tmp"))
    with pytest.raises(InputError, match="is not the file its card describes"):
        load(saved)


def test_a_write_that_fails_leaves_the_old_model_whole(
    saved: Path, fitted: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in saved.parent.iterdir()}

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        save(fitted, {"labels": ["other"]}, saved)
    assert {path: path.read_bytes() for path in saved.parent.iterdir()} == before

"""The model card tells what the evaluation measured, in a head that the Hub reads."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from conftest import Result
from huggingface_hub import ModelCard
from tiny_corpus import tiny_rows, write_jsonl

from eval.model_card import card_path
from models.storage import MODEL

Call = Callable[..., Result]


def test_the_card_holds_scores_hashes_and_how_to_load(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").symlink_to(Path(__file__).resolve().parent.parent / "data")
    assert call("train", "--data", write_jsonl(tmp_path / "mine.jsonl", tiny_rows())).status == 0
    done = call("eval", "--model", "models/mine.joblib")
    assert done.status == 0, done.err
    card = ModelCard.load("models/mine.md")
    results = {each.metric_name: each for each in card.data.eval_results or []}
    assert results["accuracy"].dataset_split == "held-out split"
    assert 0 <= results["macro_f1"].metric_value <= 1
    assert 'joblib.load("mine.joblib")' in card.text
    digest = sha256(Path("models/mine.joblib").read_bytes()).hexdigest()
    assert f"| mine.joblib | `{digest}` |" in card.text
    for heading in ("Intended use", "Data", "Scores", "Limits", "Ethics", "Whoever speaks", "Behaviour"):
        assert f"\n## {heading}\n" in card.text, heading
    assert "{{" not in card.text


def test_the_project_s_model_has_the_readme_of_its_folder() -> None:
    assert card_path(MODEL) == Path("models/README.md")
    assert card_path(Path("models/mine.joblib")) == Path("models/mine.md")

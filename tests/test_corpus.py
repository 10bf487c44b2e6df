"""The corpus that ships: its form, its split, and its loading as a Hugging Face dataset."""

import json
from collections import Counter
from pathlib import Path

import datasets
import pytest

from data.reading import CORPUS, read_clauses
from data.rows import CODES, FIELDS
from data.split import leaks, with_split

FILES = sorted(Path(CORPUS).glob("*.jsonl"))


@pytest.fixture(scope="module")
def corpus() -> datasets.Dataset:
    return read_clauses(CORPUS, labels=CODES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_are_in_the_house_format(path: Path) -> None:
    position: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        position[row["document"]] += 1
        assert list(row) == [field for field in FIELDS if field in row], "fields are known and in order"
        assert set(row) >= {"id", "document", "position", "text", "label", "register", "topic", "language", "split"}
        assert row["position"] == position[row["document"]], "clauses stand in the order of their document"
        assert row["id"] == f"{row['document']}-{row['position']:03}"
        assert row["register"] == path.stem == row["document"].rsplit("-", 1)[0]
        assert row["text"] == row["text"].strip()
        assert len(row["text"].split()) <= 120


def test_nothing_leaks_across_the_split(corpus: datasets.Dataset) -> None:
    assert leaks(corpus) == []


def test_the_split_is_stored_and_fixed(corpus: datasets.Dataset) -> None:
    assert None not in corpus["split"]
    assert with_split(corpus, seed=99)["split"][:] == corpus["split"][:]


def test_a_fifth_of_every_code_is_held_out(corpus: datasets.Dataset) -> None:
    total, held_out = Counter(corpus["label"]), Counter()
    for label, split in zip(corpus["label"], corpus["split"], strict=True):
        held_out[label] += split == "test"
    assert set(total) == set(CODES)
    for code in CODES:
        assert 0.15 < held_out[code] / total[code] < 0.25, code


def test_hugging_face_reads_the_same_rows(corpus: datasets.Dataset, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(Path("data").resolve()), cache_dir=str(tmp_path))
    assert list(loaded) == ["clauses"], "one table; the side of a clause is its column `split`"
    assert sorted(loaded["clauses"]["id"]) == sorted(corpus["id"])
    assert loaded["clauses"].features == corpus.features

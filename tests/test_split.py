"""The split: whole documents, near-duplicates together, every code on both sides, nobody ever moves."""

from pathlib import Path

import pytest
from datasets import Dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_corpus import tiny_rows, write_jsonl

from data.errors import InputError
from data.near_duplicates import MIN_WORDS, jaccard, near_duplicates, shingles
from data.reading import FEATURES, read_clauses
from data.split import data_sha256, halves, leaks, with_split

WORDS = "states shall respect the law of sea and reject force".split()


def dataset(rows: list[dict[str, object]]) -> Dataset:
    filled = [
        dict.fromkeys(FEATURES) | {"id": str(n), "position": 1, "document": str(n)} | row for n, row in enumerate(rows)
    ]
    return Dataset.from_list(filled, features=FEATURES)


clauses_of = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.sampled_from("xy")
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(clauses_of)
def test_a_split_never_leaks_or_is_refused(drawn: list[tuple[str, list[str], str]]) -> None:
    clauses = dataset([{"document": d, "text": " ".join(words), "label": label} for d, words, label in drawn])
    try:
        split = with_split(clauses)
    except InputError:
        return
    assert leaks(split) == []
    train, test = halves(split)
    assert len(train) + len(test) == len(clauses)
    assert set(split["split"]) == {"train", "test"}
    assert with_split(clauses)["split"][:] == split["split"][:]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join), max_size=25))
def test_near_duplicates_are_found_as_by_comparing_all_pairs(texts: list[str]) -> None:
    found = near_duplicates(texts)
    for i, j in found:
        assert i < j
        assert jaccard(shingles(texts[i]), shingles(texts[j])) >= 0.8
    # Identical clauses come as a chain; every other pair stands between the first of each kind.
    first = {shingles(text): i for i, text in reversed(list(enumerate(texts))) if shingles(text)}
    kinds = sorted(first.values())
    expected = {
        (i, j) for i in kinds for j in kinds if i < j and jaccard(shingles(texts[i]), shingles(texts[j])) >= 0.8
    }
    assert expected <= set(found)


def test_short_stock_phrases_are_no_duplicates() -> None:
    assert len("The meeting rose early.".split()) < MIN_WORDS
    assert near_duplicates(["The meeting rose early."] * 3) == []


def test_documents_with_near_duplicates_stand_on_one_side(tmp_path: Path) -> None:
    rows = tiny_rows()
    for row in rows[::4]:
        if row["document"] in ("doc-1", "doc-5"):
            row["text"] = "All parties to the conflict reject any use of force in the disputed strait."
    clauses = with_split(read_clauses(write_jsonl(tmp_path / "a.jsonl", rows)))
    side = dict(zip(clauses["document"], clauses["split"], strict=True))
    assert side["doc-1"] == side["doc-5"]


def test_new_documents_join_without_moving_old_ones() -> None:
    old = with_split(dataset(tiny_rows()))
    rows = [{key: row[key] for key in ("document", "position", "text", "label", "split")} for row in old]
    fresh = [
        row | {"document": f"new-{row['document']}", "text": f"In {n} other words: {row['text']} So it was, {n} times."}
        for n, row in enumerate(tiny_rows())
    ]
    both = with_split(dataset(rows + fresh))
    assert both["split"][: len(rows)] == old["split"][:]
    assert set(both["split"][len(rows) :]) == {"train", "test"}


def test_a_single_new_document_joins_and_a_bridge_is_refused() -> None:
    fields = ("document", "position", "text", "label", "split")
    old = [{key: row[key] for key in fields} for row in with_split(dataset(tiny_rows()))]
    one = {"document": "new", "text": "An entirely new clause of its own kind here.", "label": "none"}
    assert with_split(dataset([*old, one]))["split"][-1] in ("train", "test")
    sides = {side: next(row["text"] for row in old if row["split"] == side) for side in ("train", "test")}
    bridge = [{"document": "bridge", "text": text, "label": "none"} for text in sides.values()]
    with pytest.raises(InputError, match="already stand on both sides"):
        with_split(dataset([*old, *bridge]))


def test_leaks_are_told() -> None:
    text = "The leaders reaffirmed their commitment to the rules of the sea."
    rows = [
        {"document": "a", "text": text, "label": "x", "split": "train"},
        {"document": "b", "text": text.upper(), "label": "x", "split": "test"},
        {"document": "a", "text": "Short.", "label": "y", "split": "test"},
    ]
    told = leaks(dataset(rows))
    assert told[0] == "document 'a' stands on both sides of the split"
    assert told[1].startswith("near-duplicates across the split: 0 (train)")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "Yes.", "label": "x"}, {"text": "No.", "label": "x"}], "only one label, 'x'"),
        (
            [{"text": "Yes.", "label": "x"}, {"text": "No.", "label": "x"}, {"text": "So.", "label": "typo"}],
            "label 'typo' .* stands in one document only",
        ),
    ],
)
def test_no_split_without_two_labels_in_two_documents(rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_split(dataset(rows))


def test_the_hash_of_data_knows_texts_and_labels() -> None:
    rows = tiny_rows()
    assert data_sha256(dataset(rows)) == data_sha256(with_split(dataset(rows)))
    for change in ({"label": "oppose"}, {"text": "Other."}, {"document": "other"}):
        changed = [*rows[:3], rows[3] | change, *rows[4:]]
        assert data_sha256(dataset(changed)) != data_sha256(dataset(rows)), change

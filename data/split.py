"""The one split into training and held-out documents, and the check that nothing leaks across it.

    python -m data.split      give new documents of the corpus their side; nobody's side ever changes

The split is a column of the data, never a flag of training or evaluation. Whole documents stand on one side, and
with them every document that shares a near-duplicate clause.
"""

import argparse
import hashlib
import json
import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from data.errors import InputError, replace_file, run
from data.near_duplicates import MIN_WORDS, clusters, near_duplicates
from data.reading import CORPUS, read_clauses
from data.rows import CODES, FIELDS

Pairs = list[tuple[int, int]]

SEED = 0
FOLDS = 5  # one of them is held out: 80/20
ATTEMPTS = 20


def with_split(clauses: Dataset, seed: int = SEED) -> Dataset:
    """Give every document that has no side one: grouped, stratified by label, about 80 % train and 20 % test.

    Raises InputError where no honest split exists: under two labels, a label in one document only, or all documents
    tied together by near-duplicate clauses.
    """
    if None not in clauses["split"]:
        return clauses
    groups = document_groups(clauses)
    side: dict[int, str] = {}
    for group, split, name in zip(groups, clauses["split"], clauses["id"], strict=True):
        if split and side.setdefault(group, split) != split:
            raise InputError(f"{name} and a near-duplicate, or its document, already stand on both sides of the split")
    new = np.array([index for index, group in enumerate(groups) if group not in side], dtype=int)
    labels = np.array(clauses["label"][:])
    _check_labels(clauses["label"][:], groups, clauses["id"][:])
    if len(new):
        numbers = np.array(groups)
        try:
            held_out = set(numbers[new][_held_out(labels[new], numbers[new], seed)])
        except InputError:
            if not side:
                raise
            # Too few new documents to stratify: the side that is short gets them.
            short = "test" if list(side.values()).count("test") < len(side) / FOLDS else "train"
            held_out = set(numbers[new]) if short == "test" else set()
        side |= dict.fromkeys(held_out, "test")
    columns = clauses.to_dict() | {"split": [side.get(group, "train") for group in groups]}
    return Dataset.from_dict(columns, features=clauses.features)


def document_groups(clauses: Dataset, near: Pairs | None = None) -> list[int]:
    """A group number for every clause: the same for one document and for documents with near-duplicate clauses.

    `near` are the near-duplicates of the clauses where they have been looked for already.
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clauses["document"]))}
    document = [numbers[name] for name in clauses["document"]]
    pairs = [(document[i], document[j]) for i, j in _near(clauses, near)]
    group = {member: number for number, members in enumerate(clusters(len(numbers), pairs)) for member in members}
    return [group[number] for number in document]


def _near(clauses: Dataset, near: Pairs | None) -> Pairs:
    return near_duplicates(clauses["text"][:]) if near is None else near


def _check_labels(labels: list[str], groups: list[int], ids: list[str]) -> None:
    where: dict[str, set[int]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        where[label].add(group)
    if len(where) < 2:
        raise InputError(f"only one label, {labels[0]!r}: a classifier needs at least two")
    for label, members in where.items():
        if len(members) < 2:
            raise InputError(
                f"label {label!r} ({ids[labels.index(label)]}) stands in one document only: it needs two or more, "
                "one to learn from and one to judge by; add documents, or rename the label with --label-map"
            )


def _held_out(labels: NDArray[Any], groups: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Indices of the fold that is nearest to a fifth of every label, with every label on both sides."""
    names, counts = np.unique(labels, return_counts=True)
    folds = min(FOLDS, len(set(groups)), int(counts.max()))
    for attempt in range(ATTEMPTS if folds > 1 else 0):
        splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed + attempt)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a rare label: seen to below
            candidates = [test for _, test in splitter.split(labels, labels, groups)]
        shares = [np.array([(labels[test] == name).sum() for name in names]) / counts for test in candidates]
        whole = [index for index, share in enumerate(shares) if ((share > 0) & (share < 1)).all()]
        if whole:
            best = min(whole, key=lambda index: float(np.abs(shares[index] - 1 / FOLDS).sum()))
            return np.asarray(candidates[best])
    raise InputError(
        f"no split has all of {', '.join(map(str, names))} on both sides: add documents for the rarest, "
        f"{names[counts.argmin()]!r}"
    )


def leaks(clauses: Dataset, near: Pairs | None = None) -> list[str]:
    """What stands on both sides of the split, one line each; an empty list is what every build must see."""
    split, document, text = clauses["split"][:], clauses["document"][:], clauses["text"][:]
    sides: dict[str, set[str]] = defaultdict(set)
    for name, side in zip(document, split, strict=True):
        sides[name].add(side)
    found = [f"document {name!r} stands on both sides of the split" for name, side in sides.items() if len(side) > 1]
    found += [
        f"near-duplicates across the split: {clauses['id'][i]} ({split[i]}) {text[i]!r} and "
        f"{clauses['id'][j]} ({split[j]}) {text[j]!r}"
        for i, j in _near(clauses, near)
        if split[i] != split[j]
    ]
    return found


def refuse_leaks(clauses: Dataset, near: Pairs | None = None) -> None:
    """Raise InputError when anything stands on both sides of the split."""
    if found := leaks(clauses, near):
        more = f"\nand {len(found) - 3} more" if len(found) > 3 else ""
        raise InputError("the split leaks, scores on it would be too good:\n" + "\n".join(found[:3]) + more)


def halves(clauses: Dataset) -> tuple[Dataset, Dataset]:
    """Training and held-out clauses, in order."""
    split = np.array(clauses["split"][:])
    return clauses.select(np.flatnonzero(split == "train")), clauses.select(np.flatnonzero(split == "test"))


def data_sha256(clauses: Dataset) -> str:
    """A hash of what is learnt from: documents, texts and labels in order, whatever file they came from."""
    digest = hashlib.sha256()
    for row in zip(clauses["document"], clauses["text"], clauses["label"], strict=True):
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()


def text_hashes(texts: list[str]) -> list[str | None]:
    """Ten hexadecimal digits for every clause, without regard to case and punctuation; None under 5 words.

    >>> text_hashes(["We reject all use of force.", "we reject  all use of force", "Agreed."])
    ['802640a71c', '802640a71c', None]
    """
    words = [re.findall(r"\w+", text.lower()) for text in texts]
    return [
        hashlib.sha256(" ".join(each).encode()).hexdigest()[:10] if len(each) >= MIN_WORDS else None for each in words
    ]


def _write_split(folder: Path, side: dict[str, str]) -> None:
    texts = {path: path.read_text(encoding="utf-8-sig") for path in sorted(folder.glob("*.jsonl"))}
    files = {path: [json.loads(line) for line in text.split("\n") if line.strip()] for path, text in texts.items()}
    for path, rows in files.items():
        sided = [row | {"split": side[row["document"]]} for row in rows]
        ordered = [{field: row[field] for field in FIELDS if field in row} for row in sided]
        replace_file(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ordered))


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m data.split", description="Give new documents of the corpus their side."
    ).parse_args()
    clauses = with_split(read_clauses(CORPUS, labels=CODES))
    refuse_leaks(clauses)
    _write_split(CORPUS, dict(zip(clauses["document"], clauses["split"], strict=True)))
    for name, part in zip(("train", "test"), halves(clauses), strict=True):
        counts = ", ".join(f"{code} {count:,}" for code, count in Counter(part["label"]).most_common())
        print(f"{name}: {len(set(part['document']))} documents, {len(part):,} clauses ({counts})")


if __name__ == "__main__":
    run(main)

"""Which clauses a model is judged on, and the codes of others for the same clauses."""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset

from data.errors import InputError, say, shorten
from data.reading import read_clauses, read_from
from data.rows import CODES, NO_POSITION
from data.split import data_sha256, halves, text_hashes, with_split
from models.storage import load_scorer

COLUMNS = ("text_column", "label_column", "document_column", "topic_column", "label_map", "ignore_columns")
# A document of which this share was learnt from is no test, whatever it is called now.
KNOWN_SHARE = 0.5


class Judged(NamedTuple):
    """The clauses that a model is judged on, and in a word what they are."""

    clauses: Dataset
    source: str
    part: str


def choose(
    arguments: argparse.Namespace, card: dict[str, Any], labels: list[str], learnt_from: Dataset | None
) -> Judged:
    """The clauses to judge on: the held-out part where the data have a split, all of them otherwise."""
    learnt = card.get("data", {})
    if arguments.data is None:
        if "source" not in learnt:
            raise InputError(f"the card of {arguments.model} names no data: name labelled clauses with --data")
        source = learnt["source"]
        if not source.startswith("hub:") and not Path(source).exists():
            raise InputError(
                f"{source}, which {arguments.model} was trained on, is gone: name its new place with --data"
            )
        if learnt_from is None:
            raise InputError(f"{source} has changed since {arguments.model} was trained on it: train again")
        clauses = learnt_from
    else:
        source, clauses = arguments.data, read_from(arguments)

    part = "all clauses"
    if data_sha256(clauses) == learnt.get("sha256"):
        clauses, part = halves(with_split(clauses))[1], "held-out split"
    elif "test" in clauses["split"]:
        clauses, part = halves(clauses)[1], "held-out split"
    for identifier, label in zip(clauses["id"], clauses["label"], strict=True):
        if label not in labels:
            raise InputError(
                f"{identifier}: the model knows no label {shorten(label)}, only {', '.join(labels)}: "
                "rename it with --label-map OLD=NEW"
            )
    return Judged(without_known(clauses, trained_on(card)), source, part)


def learnt_clauses(card: dict[str, Any]) -> Dataset | None:
    """The clauses that the model was made from, both sides of their split; None when they are gone or have changed."""
    learnt = card.get("data", {})
    source = learnt.get("source", "")
    if not source or (not source.startswith("hub:") and not Path(source).exists()):
        return None
    columns = {name: learnt[name] for name in COLUMNS if name in learnt}
    clauses = read_clauses(source, **columns)
    return clauses if data_sha256(clauses) == learnt.get("sha256") else None


def other_codes(
    path: Path, clauses: Dataset, labels: list[str] | None, trust: bool, columns: dict[str, Any] | None = None
) -> list[str]:
    """The codes of another model for the same clauses, or somebody's codes from a file.

    A row of the file belongs to the clause with the same id and text, else to that at the same place if all texts
    agree, else to that with the same document and text, or text alone. Raises InputError for a clause without a code,
    for one whose code is not certain, and for a model that learnt from the clauses.
    """
    if path.suffix in (".joblib", ".skops"):
        saved = load_scorer(path, trust=trust, n_jobs=-1)
        if seen := known_documents(clauses, trained_on(saved.card)):
            raise InputError(
                f"{path} learnt from {len(seen)} of the documents judged ({', '.join(sorted(seen)[:3])}): its scores "
                "on them would be too good; compare on other documents"
            )
        codes = [str(code) for code in saved.pipeline.predict(clauses["text"][:])]
    else:
        codes = _codes_of(path, read_clauses(path, **columns or {}), clauses)
    if labels is not None and (unknown := sorted(set(codes) - set(labels))):
        raise InputError(f"{path} codes {shorten(unknown[0])}, which is no label here: {', '.join(labels)}")
    return codes


def _codes_of(path: Path, coded: Dataset, clauses: Dataset) -> list[str]:
    if coded["text"][:] == clauses["text"][:]:
        return list(coded["label"][:])
    keys = (("id", "text"), ("document", "text"), ("text",))
    tables = [(names, _codes_by(coded, names)) for names in keys]
    rows = list(zip(*(clauses[name][:] for name in ("id", "document", "text")), strict=True))
    codes: list[str] = []
    for identifier, document, text in rows:
        row = {"id": identifier, "document": document, "text": text}
        found = next((table[key] for names, table in tables if (key := tuple(row[n] for n in names)) in table), None)
        if not found:
            raise InputError(f"{path} has no code for {identifier}: it should hold the clauses that are judged")
        if len(found) > 1:
            told = ", ".join(sorted(found))
            raise InputError(
                f"{path} has several codes for {identifier} ({told}): give its rows the ids of the clauses"
            )
        codes += found
    return codes


def _codes_by(coded: Dataset, names: tuple[str, ...]) -> dict[tuple[str, ...], set[str]]:
    table: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for *key, label in zip(*(coded[name][:] for name in (*names, "label")), strict=True):
        table[tuple(key)].add(label)
    return table


def trained_on(card: dict[str, Any]) -> set[str]:
    """The hashes of what a model learnt from, as its card tells them."""
    return set(str(card.get("trained_on", "")).split())


def known_documents(clauses: Dataset, hashes: set[str]) -> set[str]:
    """The documents of which half the clauses or more have one of these hashes."""
    known: dict[str, list[bool]] = defaultdict(list)
    for document, text_hash in zip(clauses["document"], text_hashes(clauses["text"][:]), strict=True):
        if text_hash:
            known[document].append(text_hash in hashes)
    return {document for document, hits in known.items() if sum(hits) >= KNOWN_SHARE * len(hits)}


def without_known(clauses: Dataset, hashes: set[str]) -> Dataset:
    """The clauses of documents that the model did not learn from; InputError when most are known to it."""
    seen = known_documents(clauses, hashes)
    documents = len(set(clauses["document"]))
    told = f"{len(seen)} of these {documents} documents ({', '.join(sorted(seen)[:3])}{', …' if len(seen) > 3 else ''})"
    if 2 * len(seen) >= documents:
        raise InputError(
            f"the model was trained on {told}, so scores on them would be too good: "
            "judge it on other documents, or on its held-out split with `make eval` (python -m eval)"
        )
    if seen:
        say(f"left out, for the model was trained on them: {told}")
    return clauses.select([index for index, document in enumerate(clauses["document"]) if document not in seen])


def ordered(labels: list[str]) -> list[str]:
    """The labels as the codebook orders its codes; others by name, `none` last."""
    return sorted(labels, key=lambda label: (CODES.index(label) if label in CODES else -1, label == NO_POSITION, label))

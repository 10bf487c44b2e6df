"""What every build demands of the corpus; each check returns what is wrong, one line each."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from datasets import Dataset

from data.near_duplicates import MIN_WORDS
from data.rows import CODES

WORDS_PER_CLAUSE = (2, 120)
SHARE_OF_CODE = (0.15, 0.35)
# Real text that may lie beside a checkout to measure on; nothing of it may stand in the corpus.
REAL_TEXT = Path("../shared/real")
COPIED_WORDS = 13


def clause_lengths(clauses: Dataset) -> list[str]:
    """Clauses of fewer than 2 or more than 120 words."""
    low, high = WORDS_PER_CLAUSE
    counts = [len(text.split()) for text in clauses["text"]]
    return [
        f"{name}: {count} words, should be {low} to {high}"
        for name, count in zip(clauses["id"], counts, strict=True)
        if not low <= count <= high
    ]


def exact_duplicates(clauses: Dataset) -> list[str]:
    """Clauses of five words or more that stand in the corpus twice, without regard to case and punctuation."""
    seen: dict[str, str] = {}
    found = []
    for name, text in zip(clauses["id"], clauses["text"], strict=True):
        words = _words(text)
        if len(words) >= MIN_WORDS:
            first = seen.setdefault(" ".join(words), name)
            if first != name:
                found.append(f"{name} says the same as {first}: {text!r}")
    return found


def label_mix(clauses: Dataset) -> list[str]:
    """Codes with less than 15 % or more than 35 % of the clauses."""
    low, high = SHARE_OF_CODE
    counts = Counter(clauses["label"])
    shares = {code: counts[code] / len(clauses) for code in CODES}
    return [
        f"{code} has {share:.1%} of the clauses, should be {low:.0%} to {high:.0%}"
        for code, share in shares.items()
        if not low <= share <= high
    ]


def copied_from(clauses: Dataset, folder: Path = REAL_TEXT) -> list[str]:
    """Clauses and stretches of documents that share 13 words in a row with real text in `folder`, if that is there.

    The clauses of a document are joined, so that a copied sentence is found wherever it was cut.
    """
    documents: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for document, name, text in zip(clauses["document"], clauses["id"], clauses["text"], strict=True):
        documents[document] += [(word, name) for word in _words(text)]
    ours: dict[int, str] = {}
    for pairs in documents.values():
        for i in range(len(pairs) - COPIED_WORDS + 1):
            ours.setdefault(hash(tuple(word for word, _ in pairs[i : i + COPIED_WORDS])), pairs[i][1])
    found: dict[str, str] = {}
    for source, text in _real_texts(folder):
        words = _words(text)
        for i in range(len(words) - COPIED_WORDS + 1):
            gram = tuple(words[i : i + COPIED_WORDS])
            if (name := ours.get(hash(gram))) and name not in found:
                found[name] = f"{name} shares 13 words with {source}: {' '.join(gram)}"
    return list(found.values())


def _real_texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.txt")):
        yield path.name, path.read_text(encoding="utf-8", errors="replace")
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield path.name, str(json.loads(line).get("text", ""))
    for path in sorted(folder.rglob("*.parquet")):
        for text in Dataset.from_parquet(str(path), keep_in_memory=True, cache_dir=".cache/datasets")["text"]:
            yield path.name, str(text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())

"""Judge coding from end to end: are whole documents cut where coders cut them, and does each word get its code?"""

import bisect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError, shorten
from data.extract import decode
from data.reading import Record, records
from data.rows import NO_POSITION
from eval.metrics import evaluate
from features.segment import segment

NEAR = 2  # words between two boundaries that count as one
OVERLAP = 0.8  # shared share of the words of two clauses from which one is the other
SUFFIXES = (".txt", ".md")


class Span(NamedTuple):
    """A gold clause of a document: characters `start` up to `end`, and its code."""

    start: int
    end: int
    label: str


def judge_documents(
    predict: Callable[[list[str]], Any],
    folder: Path,
    gold: str,
    labels: list[str],
    label_map: dict[str, str],
    documents: set[str] | None = None,
    label_column: str = "label",
    document_column: str = "document",
) -> dict[str, Any]:
    """Cut and code the documents of a folder and compare with gold clauses.

    Parameters
    ----------
    predict : n strings to n labels
    folder : documents named `<document>.txt` or `.md`
    gold : a file of clauses with `document, start, end, label`, the offsets in characters
    labels : the labels that a word may carry
    label_map : codes of the gold to rename
    documents : the only ones to judge; None judges all
    label_column, document_column : which columns of the gold hold the code and the document

    Returns
    -------
    Boundary precision, recall and F1 (a boundary within 2 words counts; the first of a document does not), the share of
    gold clauses of which a clause has 80 % of the words (Jaccard), and the scores of codes word by word – every word
    carries its clause's code, which is fair whatever the cuts – for clauses as cut here and as cut by the coders. Only
    the stretch from the first to the last gold clause of a document is judged.
    """
    spans = read_spans(gold, label_map, label_column, document_column)
    spans = {name: each for name, each in spans.items() if documents is None or name in documents}
    if not spans:
        raise InputError(f"no document of {gold} is left to judge from end to end: the model learnt from all of them")
    labels = list(dict.fromkeys([*labels, NO_POSITION]))
    counts = np.zeros(3, dtype=int)  # boundaries found in both, here, in gold
    recovered: list[bool] = []
    words: dict[str, list[str]] = {"gold": [], "cut here": [], "cut by coders": [], "document": []}
    for name, clauses in spans.items():
        text = read_text(folder, name)
        if clauses[-1].end > len(text):
            raise InputError(
                f"{gold}: a clause of {shorten(name)} ends at {clauses[-1].end}, after the end of its text"
            )
        starts = [match.start() for match in re.finditer(r"\S+", text)]
        mine = [
            Span(cut.start, cut.end, "")
            for cut in segment(text)
            if cut.end > clauses[0].start and cut.start < clauses[-1].end
        ]
        codes = predict([text[cut.start : cut.end] for cut in mine])
        mine = [Span(cut.start, cut.end, str(code)) for cut, code in zip(mine, codes, strict=True)]
        codes = predict([text[clause.start : clause.end] for clause in clauses])
        theirs = [Span(clause.start, clause.end, str(code)) for clause, code in zip(clauses, codes, strict=True)]
        counts += boundaries(mine, clauses, starts)
        recovered += recovery(mine, clauses, starts)
        judged = [code is not None for code in by_word(clauses, starts)]
        words["gold"] += _kept(by_word(clauses, starts), judged)
        words["cut here"] += _kept(by_word(mine, starts), judged)
        words["cut by coders"] += _kept(by_word(theirs, starts), judged)
        words["document"] += [name] * sum(judged)
    both, here, there = (int(count) for count in counts)
    return {
        "documents": len(spans),
        "clauses": len(recovered),
        "boundaries": {
            "precision": both / here if here else None,
            "recall": both / there if there else None,
            "f1": 2 * both / (here + there) if here + there else None,
        },
        "recovered": float(np.mean(recovered)),
        "by_word": {
            cut: evaluate(words["gold"], words[cut], words["document"], labels) for cut in ("cut here", "cut by coders")
        },
    }


def read_spans(
    gold: str, label_map: dict[str, str], label_column: str = "label", document_column: str = "document"
) -> dict[str, list[Span]]:
    """The gold clauses of every document, in order."""
    spans: dict[str, list[Span]] = {}
    for record in records(gold):
        if not isinstance(record, Record):
            raise InputError(record)
        try:
            row = record.row
            label = str(row[label_column]).strip()
            span = Span(int(row["start"]), int(row["end"]), label_map.get(label, label))
            spans.setdefault(str(row[document_column]).strip(), []).append(span)
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{record.place}: gold for --documents needs document, start, end and label, offsets in characters"
            ) from None
    if not spans:
        raise InputError(f"no gold clauses in {gold}: it is empty")
    return {name: sorted(each) for name, each in spans.items()}


def read_text(folder: Path, name: str) -> str:
    """The document of a name."""
    for suffix in SUFFIXES:
        path = folder / f"{name}{suffix}"
        if path.is_file():
            try:
                return decode(path.read_bytes())[0]
            except InputError as error:
                raise InputError(f"{path} {error}") from None
    raise InputError(f"no document {name}{SUFFIXES[0]} in {folder}, which the gold clauses name")


def boundaries(mine: list[Span], gold: list[Span], starts: list[int]) -> NDArray[np.int64]:
    """How many beginnings of clauses match, one to one and nearest first, how many there are here and in gold.

    >>> boundaries([Span(0, 4, ""), Span(4, 9, "")], [Span(0, 9, "")], [0, 2, 4, 6, 8]).tolist()
    [0, 1, 0]
    """
    here = [bisect.bisect_left(starts, span.start) for span in mine][1:]
    there = [bisect.bisect_left(starts, span.start) for span in gold][1:]
    pairs = sorted((abs(a - b), i, j) for i, a in enumerate(here) for j, b in enumerate(there) if abs(a - b) <= NEAR)
    used_here: set[int] = set()
    used_there: set[int] = set()
    for _, i, j in pairs:
        if i not in used_here and j not in used_there:
            used_here.add(i)
            used_there.add(j)
    return np.array([len(used_here), len(here), len(there)])


def recovery(mine: list[Span], gold: list[Span], starts: list[int]) -> list[bool]:
    """For each gold clause, whether a clause shares 80 % of the words of the two."""

    def words(span: Span) -> set[int]:
        return set(range(bisect.bisect_left(starts, span.start), bisect.bisect_left(starts, span.end)))

    cuts = [words(span) for span in mine]
    found = []
    for span in gold:
        wanted = words(span)
        found.append(any(len(wanted & cut) >= OVERLAP * len(wanted | cut) for cut in cuts if wanted & cut))
    return found


def by_word(spans: list[Span], starts: list[int]) -> list[str | None]:
    """The code of each word, by the clause that it begins in; None outside of all clauses.

    >>> by_word([Span(0, 6, "oppose"), Span(7, 9, "none")], [0, 3, 7, 12])
    ['oppose', 'oppose', 'none', None]
    """
    codes: list[str | None] = [None] * len(starts)
    for span in spans:
        for index in range(bisect.bisect_left(starts, span.start), bisect.bisect_left(starts, span.end)):
            codes[index] = span.label
    return codes


def _kept(codes: list[str | None], judged: list[bool]) -> list[str]:
    """The codes of the words that gold has a code for; a word that no clause here holds counts as `none`."""
    return [code or NO_POSITION for code, kept in zip(codes, judged, strict=True) if kept]

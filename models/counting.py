"""n-grams of words and stems counted as scikit-learn counts them, in fewer steps.

Words are found once, with the pattern of actors, for all vectorisers that share it; n-grams are counted as integers,
and only those that stand in enough clauses become strings.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from models.compact import STEM, Kind, kind_of

Tokens = list[list[str]]


def count(vectorisers: Sequence[TfidfVectorizer], texts: Sequence[str]) -> list[sparse.csr_matrix]:
    """What `CountVectorizer.fit_transform` of each vectoriser gives, which learns the vocabulary: clauses × terms.

    Raises ValueError, as scikit-learn does, where no term is left.

    >>> vectoriser = TfidfVectorizer(token_pattern=r"(?u)\\b(\\w+)\\b", min_df=2)
    >>> count([vectoriser], ["We meet.", "We meet, we talk."])[0].toarray().tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    >>> vectoriser.vocabulary_
    {'meet': 0, 'we': 1}
    """
    found: dict[tuple[str, bool], Tokens] = {}
    return [_count(vectoriser, texts, found) for vectoriser in vectorisers]


def _count(vectoriser: TfidfVectorizer, texts: Sequence[str], found: dict[tuple[str, bool], Tokens]) -> Any:
    kind = kind_of(vectoriser)
    usual = vectoriser.max_features is None and vectoriser.vocabulary is None and vectoriser.max_df == 1.0
    if kind is None or kind.analyzer != "word" or not usual or not isinstance(vectoriser.min_df, int):
        return CountVectorizer.fit_transform(vectoriser, texts)
    tokens = _tokens(kind, texts, found)
    terms, counts = _ngrams(tokens, kind.ngram_range, vectoriser.min_df)
    if not terms:
        raise ValueError("no terms remain")
    if kind.binary:
        counts.data.fill(1)
    vectoriser.fixed_vocabulary_ = False
    vectoriser.vocabulary_ = dict(zip(terms, range(len(terms)), strict=True))
    return counts


def _tokens(kind: Kind, texts: Sequence[str], found: dict[tuple[str, bool], Tokens]) -> Tokens:
    """The tokens of each text; stems are cut from words that another vectoriser has found already."""
    names = ("words", "words and punctuation")
    words = next((found[name, kind.blind] for name in names if (name, kind.blind) in found), None)
    if kind.token == STEM and words is not None:
        # A token is a word if its first character is one that words are made of.
        stems = {word: word[: kind.stem_length] for word in set(chain.from_iterable(words)) if _is_word(word)}
        tokens = [[stems[word] for word in row if word in stems] for row in words]
    else:
        find = kind.tokens
        tokens = [[token for token in find(text.lower()) if token] for text in texts]
        found[kind.token, kind.blind] = tokens
    stops = set(kind.stop_words) - {""}
    return [[token for token in row if token not in stops] for row in tokens] if stops else tokens


def _is_word(token: str) -> bool:
    return token[0] == "_" or token[0].isalnum()


def _ngrams(tokens: Tokens, ngram_range: tuple[int, int], min_df: int) -> tuple[list[str], sparse.csr_matrix]:
    """The n-grams of enough rows in the order of the alphabet, and how often each stands in each row.

    Within a row the matrix holds them in the order in which they first came up, as scikit-learn's does, shorter ones of
    a row first: sums are then taken in the same order, and the model is the same to the last bit.
    """
    flat = list(chain.from_iterable(tokens))
    index = {token: number for number, token in enumerate(dict.fromkeys(flat))}
    ids = np.fromiter((index[token] for token in flat), np.int64, len(flat))
    rows = np.repeat(np.arange(len(tokens)), [len(row) for row in tokens])
    low, high = ngram_range
    terms: list[str] = []
    came_up: list[tuple[int, int, int]] = []
    parts = []
    keys, whole = ids, np.ones(len(ids), bool)
    for n in range(1, high + 1):
        if n > 1:
            # An n-gram is the one before it, numbered afresh lest the keys outgrow 64 bits, and a further token.
            keys = np.unique(keys, return_inverse=True)[1][:-1] * len(index) + ids[n - 1 :]
            whole = rows[: len(keys)] == rows[n - 1 :]
        places = np.flatnonzero(whole)
        if n < low or not len(places):
            continue
        _, first, column = np.unique(keys[places], return_index=True, return_inverse=True)
        counts = sparse.coo_matrix((np.ones(len(places)), (rows[places], column)), (len(tokens), len(first))).tocsr()
        kept = np.flatnonzero(np.bincount(counts.indices, minlength=len(first)) >= min_df)
        starts = places[first[kept]]
        terms += [" ".join(flat[start : start + n]) for start in starts.tolist()]
        came_up += zip(rows[starts].tolist(), [n] * len(starts), starts.tolist(), strict=True)
        parts.append(counts[:, kept])
    if not terms:
        return [], sparse.csr_matrix((len(tokens), 0))
    seen = sorted(range(len(terms)), key=came_up.__getitem__)
    order = sorted(range(len(terms)), key=terms.__getitem__)
    counts = sparse.csr_matrix(sparse.hstack(parts, format="csr")[:, seen])
    counts.sort_indices()
    rank = np.empty(len(terms), counts.indices.dtype)
    rank[order] = np.arange(len(terms))
    counts.indices = rank[seen][counts.indices]
    counts.has_sorted_indices = False
    return [terms[place] for place in order], counts

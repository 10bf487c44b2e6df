"""Pairs of clauses that say nearly the same, found by MinHash."""

import re
from collections import defaultdict
from itertools import pairwise

from datasketch import MinHash, MinHashLSH

THRESHOLD = 0.8
WORDS = 3
# Shorter clauses ("The motion was adopted.") recur in honest text.
MIN_WORDS = 5
# Candidates are looked for well under the threshold and then checked exactly, so that hashing misses next to none.
CANDIDATE_THRESHOLD = 0.55


def shingles(text: str) -> frozenset[str]:
    """The word 3-grams of a clause, without case and punctuation; empty under 5 words.

    >>> sorted(shingles("We reject unilateral sanctions outright."))
    ['reject unilateral sanctions', 'unilateral sanctions outright', 'we reject unilateral']
    """
    words = re.findall(r"\w+", text.lower())
    if len(words) < MIN_WORDS:
        return frozenset()
    return frozenset(" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Size of the intersection over size of the union (Jaccard, 1912)."""
    return len(a & b) / len(a | b)


def near_duplicates(texts: list[str], threshold: float = THRESHOLD) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, whose word 3-grams have a Jaccard similarity of at least `threshold`, in order.

    MinHash and banding find candidates (Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, ch. 3);
    every candidate is checked exactly. A cluster of identical clauses yields a chain rather than every pair, so that
    a phrase that occurs a thousand times costs a thousand pairs and not half a million.

    >>> near_duplicates(["We reject the use of force.", "A. We reject the use of force!", "Talks were held."], 0.7)
    [(0, 1)]
    """
    same: dict[frozenset[str], list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        if key := shingles(text):
            same[key].append(index)
    keys = list(same)
    pairs = {pair for members in same.values() for pair in pairwise(members)}

    buckets = MinHashLSH(threshold=CANDIDATE_THRESHOLD, num_perm=128)
    hashes = MinHash.bulk([[gram.encode() for gram in sorted(key)] for key in keys], num_perm=128)
    for index, minhash in enumerate(hashes):
        for other in buckets.query(minhash):
            if jaccard(keys[index], keys[other]) >= threshold:
                a, b = same[keys[index]][0], same[keys[other]][0]
                pairs.add((min(a, b), max(a, b)))
        buckets.insert(index, minhash)
    return sorted(pairs)


def clusters(size: int, pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Connected components of the graph with `size` nodes and these edges.

    >>> clusters(4, [(0, 2)])
    [[0, 2], [1], [3]]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    members: dict[int, list[int]] = defaultdict(list)
    for node, label in enumerate(component):
        members[int(label)].append(node)
    return list(members.values())

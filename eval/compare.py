"""Is one coder better than another on the same clauses? Paired tests, corrected for their number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from eval.metrics import bootstrap, confusions, interval, overall


def compare(
    gold: list[str], codings: dict[str, list[str]], documents: list[str], labels: list[str], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Compare the first coding with every other one.

    For each: `lead` in macro-F1 with its interval from a bootstrap in which both coders are judged on the same sample
    of documents (paired bootstrap: Berg-Kirkpatrick et al. 2012); `first_only` and `other_only`, the clauses that only
    one of the two coded right; `p`, the exact McNemar test of these (McNemar 1947), and `p_holm`, corrected for the
    number of comparisons (Holm 1979).

    >>> both = compare(list("aabb"), {"ours": list("aabb"), "theirs": list("abba")}, list("wxyz"), ["a", "b"])
    >>> both["theirs"]["first_only"], both["theirs"]["p"]
    (2, 0.5)
    """
    names = list(codings)
    right = {name: np.array(gold) == np.array(coded) for name, coded in codings.items()}
    counts = {name: confusions(gold, coded, documents, labels) for name, coded in codings.items()}
    drawn = {name: _macro_f1(bootstrap(each, seed=seed), labels) for name, each in counts.items()}
    first = names[0]
    results: dict[str, dict[str, Any]] = {}
    for name in names[1:]:
        only, other = int((right[first] & ~right[name]).sum()), int((right[name] & ~right[first]).sum())
        lead = _macro_f1(counts[first].sum(axis=0), labels) - _macro_f1(counts[name].sum(axis=0), labels)
        results[name] = {
            "lead": {
                "value": float(lead),
                "interval": interval(drawn[first] - drawn[name], len(counts[first])),
            },
            "first_only": only,
            "other_only": other,
            "p": float(binomtest(only, only + other).pvalue) if only + other else 1.0,
        }
    corrected = holm([float(each["p"]) for each in results.values()])
    return {name: each | {"p_holm": p} for (name, each), p in zip(results.items(), corrected, strict=True)}


def _macro_f1(counts: NDArray[np.int64], labels: list[str]) -> NDArray[np.float64]:
    return overall(counts, labels)["macro_f1"]


def holm(p_values: list[float]) -> list[float]:
    """P-values corrected for their number, step down.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = largest
    return corrected

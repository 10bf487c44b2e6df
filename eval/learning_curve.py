"""What more training documents bring: scores for growing shares of them, and the power law through these."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np
from scipy.optimize import curve_fit
from sklearn.metrics import f1_score

from models.classifier import SEED
from models.fitting import Clauses, Labels, Rows, fit

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
FEWEST = 2  # documents


class Split(NamedTuple):
    """Rows to learn from and, by name, rows to judge on; `seed` orders the documents to learn from."""

    train: Rows
    judged: dict[str, Rows]
    seed: int = SEED


def learning_curve(
    clauses: Clauses, splits: Sequence[Split], shares: Sequence[float] = SHARES, jobs: int = -1
) -> list[dict[str, Any]]:
    """Macro-F1 of models of the first documents, in an order drawn at random, of the training side of each split.

    One point a share: `share, documents, clauses` (means over the splits) and `scores`, for every name of rows to
    judge on one score a split. A smaller part lies within every larger one.
    """
    parts = [[_first_documents(clauses, split, share) for split in splits] for share in shares]
    tasks: dict[tuple[bytes, int], Any] = {}
    for of_share in parts:
        for kept, split in zip(of_share, splits, strict=True):
            # The whole side is the same in whatever order its documents come.
            tasks.setdefault(_key(kept, split), joblib.delayed(_scores)(clauses, kept, split.judged))
    done = dict(zip(tasks, joblib.Parallel(n_jobs=jobs)(tasks.values()), strict=True))
    return [
        {
            "share": share,
            "documents": int(np.mean([len(np.unique(clauses.groups[kept])) for kept in of_share])),
            "clauses": int(np.mean([len(kept) for kept in of_share])),
            "scores": {
                name: [done[_key(kept, split)][name] for kept, split in zip(of_share, splits, strict=True)]
                for name in splits[0].judged
            },
        }
        for share, of_share in zip(shares, parts, strict=True)
    ]


def _key(kept: Rows, split: Split) -> tuple[bytes, int]:
    return np.sort(kept).tobytes(), id(split.judged)


def _first_documents(clauses: Clauses, split: Split, share: float) -> Rows:
    groups = np.unique(clauses.groups[split.train])
    order = np.random.default_rng(split.seed).permutation(groups)
    return split.train[np.isin(clauses.groups[split.train], order[: max(FEWEST, round(share * len(order)))])]


def _scores(clauses: Clauses, train: Rows, judged: dict[str, Rows]) -> dict[str, float]:
    fitted = fit(clauses, train)
    known = fitted.regression.classes_
    return {
        name: macro_f1(clauses.labels[rows], known[fitted.decisions(clauses, rows).argmax(axis=1)])
        for name, rows in judged.items()
    }


def macro_f1(gold: Labels, coded: Labels) -> float:
    """Mean F1 of the labels that have gold rows."""
    return float(f1_score(gold, coded, labels=np.unique(gold), average="macro", zero_division=0))


def power_law(documents: Sequence[int], scores: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    """The curve a − b·n^(−c) through scores at n documents (Figueroa et al. 2012), and what doubling n would bring.

    `scores` has for every n one score a split. Returns `ceiling` (a), `factor` (b), `exponent` (c), and `doubled`: the
    score at twice the documents, with the range of the curves through each split's own scores. None where no such
    curve fits, as for scores that do not rise.

    >>> counts = [25, 50, 100, 200, 400]
    >>> law = power_law(counts, [[0.95 - 0.9 * n**-0.5] * 3 for n in counts])
    >>> round(law["ceiling"], 3), round(law["exponent"], 3), round(law["doubled"]["value"], 3)
    (0.95, 0.5, 0.918)
    """
    table = np.array(scores)
    whole = _fit_power_law(documents, table.mean(axis=1))
    if whole is None:
        return None
    each = [law for law in (_fit_power_law(documents, column) for column in table.T) if law is not None]
    doubled = [_at(2 * documents[-1], law) for law in each]
    return {
        **dict(zip(("ceiling", "factor", "exponent"), map(float, whole), strict=True)),
        "doubled": {
            "documents": 2 * documents[-1],
            "value": _at(2 * documents[-1], whole),
            "range": [min(doubled), max(doubled)] if doubled else None,
        },
    }


def _at(documents: float, law: Sequence[float]) -> float:
    ceiling, factor, exponent = law
    return float(ceiling - factor * documents**-exponent)


def _fit_power_law(documents: Sequence[int], scores: Any) -> tuple[float, float, float] | None:
    def curve(n: Any, ceiling: float, factor: float, exponent: float) -> Any:
        return ceiling - factor * n**-exponent

    if len(documents) < 4 or scores[-1] <= scores[0]:
        return None
    start = (min(1.0, scores[-1] + 0.02), 1.0, 0.5)
    try:
        law, _ = curve_fit(curve, np.array(documents, float), scores, start, bounds=([0, 0, 0.01], [1, 10, 3]))
    except (RuntimeError, ValueError):
        return None
    return float(law[0]), float(law[1]), float(law[2])

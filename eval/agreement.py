"""How far coders agree: Krippendorff's alpha for nominal codes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import krippendorff


def alpha(codings: Sequence[Sequence[str] | None]) -> float | None:
    """Krippendorff's alpha of the codes that each clause was given; None without two coders or two codes.

    1 is perfect agreement, 0 what chance gives. Clauses with one code or none say nothing and are left out.
    Krippendorff (2018), Content Analysis, 4th edition, chapter 12; computed by the library `krippendorff`.

    >>> alpha([["oppose", "oppose"], ["none", "none"], ["none", "oppose"], ["none", "none"]])
    0.5333333333333333
    """
    coded = [codes for codes in codings if codes and len(codes) > 1]
    values = sorted({code for codes in coded for code in codes})
    if len(values) < 2:
        return None
    counts = [[Counter(codes)[value] for value in values] for codes in coded]
    return float(krippendorff.alpha(value_counts=counts, value_domain=values, level_of_measurement="nominal"))


def alpha_by(groups: Sequence[str], codings: Sequence[Sequence[str] | None]) -> dict[str, float | None]:
    """Alpha within each group, in the order of the groups' names."""
    members: dict[str, list[Sequence[str] | None]] = defaultdict(list)
    for group, codes in zip(groups, codings, strict=True):
        members[group].append(codes)
    return {group: alpha(members[group]) for group in sorted(members)}


def on_one_scale(codings: list[list[str] | None], coded: list[str], gold: list[str]) -> dict[str, Any] | None:
    """The model as one more coder: Krippendorff's alpha between the coders, and of the model with each and with gold.

    Only clauses that two or more coded count; None where there are none.

    >>> scale = on_one_scale([["a", "a"], ["b", "b"], ["a", "b"]], ["a", "b", "b"], ["a", "b", "b"])
    >>> round(scale["coders"], 3), round(scale["model and coder 2"], 3), scale["clauses"]
    (0.444, 1.0, 3)
    """
    rows = [(codes, model, truth) for codes, model, truth in zip(codings, coded, gold, strict=True) if codes]
    rows = [row for row in rows if len(row[0]) > 1]
    if not rows:
        return None
    most = max(len(codes) for codes, _, _ in rows)
    scale: dict[str, Any] = {"clauses": len(rows), "coders": alpha([codes for codes, _, _ in rows])}
    for place in range(most):
        pairs = [[codes[place], model] for codes, model, _ in rows if len(codes) > place]
        scale[f"model and coder {place + 1}"] = alpha(pairs)
    scale["model and gold"] = alpha([[truth, model] for _, model, truth in rows])
    return scale


def coder_confusion(codings: Sequence[Sequence[str] | None], labels: Sequence[str]) -> list[list[int]] | None:
    """How often the first coder gave the row's code and the second the column's; None without clauses coded twice.

    >>> coder_confusion([["a", "a"], ["a", "b"], ["b"]], ["a", "b"])
    [[1, 1], [0, 0]]
    """
    pairs = Counter(tuple(codes[:2]) for codes in codings if codes and len(codes) > 1)
    return [[pairs[one, two] for two in labels] for one in labels] if pairs else None

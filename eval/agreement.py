"""How far coders agree: Krippendorff's alpha for nominal codes."""

from collections import Counter, defaultdict
from collections.abc import Sequence

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

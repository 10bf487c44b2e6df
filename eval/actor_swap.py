"""Does it matter who speaks? Every actor of a list is put in the place of the one that a clause names.

A counterfactual test of bias (Garg et al. 2019, counterfactual token fairness): the codebook codes the act, never the
actor, so neither the code nor its probability may move.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.metrics import interval

ACTORS = Path(__file__).with_name("actors.toml")
CLAUSES = 400  # at most so many clauses, drawn evenly over all
DRAWS = 1000

Probabilities = NDArray[np.float64]


class Slot(NamedTuple):
    """The first actor of the list that a clause names, and what stands before and after it."""

    before: str
    actor: str
    after: str
    number: str


def slot(text: str) -> Slot | None:
    """Where a clause names an actor of the list; None where it names none.

    >>> slot("On Friday the European Union rejected the offer.")
    Slot(before='On Friday ', actor='the European Union', after=' rejected the offer.', number='singular')
    """
    pattern, numbers = _pattern()
    found = pattern.search(text)
    if not found:
        return None
    return Slot(text[: found.start()], found.group(), text[found.end() :], numbers[found.group().lower()])


def put(place: Slot, actor: str) -> str:
    """The clause with another actor, capitalised where the sentence begins.

    >>> put(slot("The ministers agreed."), "we")
    'We agreed.'
    """
    begins = not re.search(r"\w", place.before) and place.actor[0].isupper()
    return place.before + (actor[0].upper() + actor[1:] if begins else actor) + place.after


def actor_swap(
    probabilities: Callable[[list[str]], Probabilities],
    texts: Sequence[str],
    documents: Sequence[str],
    labels: Sequence[str],
    seed: int = 0,
) -> dict[str, Any]:
    """Swap actors in the clauses that name one and say what moves.

    `probabilities` takes n texts to n × labels. `flips` is the share of swaps that change the code, `change` the mean
    absolute change of the probability of the code given at first. `bias` has for each actor and label the mean
    probability with that actor above the median over all actors, with its 95 % interval over documents.
    """
    found = [(place, document) for text, document in zip(texts, documents, strict=True) if (place := slot(text))]
    drawn = np.unique(np.linspace(0, len(found) - 1, CLAUSES).astype(int))[: len(found)]
    moved: list[Probabilities] = []
    flips: list[NDArray[np.bool_]] = []
    kinds: dict[str, dict[str, float]] = {}
    bias: dict[str, dict[str, dict[str, Any]]] = {}
    for number, actors in _actors().items():
        places = [found[index] for index in drawn if found[index][0].number == number]
        if not places:
            continue
        names = [(kind, actor) for kind, members in actors.items() for actor in members]
        before = probabilities([put(place, place.actor) for place, _ in places])
        after = np.stack([probabilities([put(place, actor) for place, _ in places]) for _, actor in names])
        code = before.argmax(axis=1)
        rows = np.arange(len(places))
        moved.append(np.abs(after[:, rows, code] - before[rows, code]))
        flips.append(after.argmax(axis=2) != code)
        for kind in actors:
            mine = [index for index, (each, _) in enumerate(names) if each == kind]
            kinds[kind] = {"flips": float(flips[-1][mine].mean()), "change": float(moved[-1][mine].mean())}
        leads = after - np.median(after, axis=0)
        for (_, actor), lead in zip(names, leads, strict=True):
            bias[actor] = _bias(lead, [document for _, document in places], list(labels), seed)
    return {
        "clauses": len(drawn),
        "swaps": int(sum(each.size for each in moved)),
        "flips": float(np.concatenate([each.ravel() for each in flips]).mean()) if flips else None,
        "change": float(np.concatenate([each.ravel() for each in moved]).mean()) if moved else None,
        "kinds": kinds,
        "bias": bias,
    }


def _bias(lead: Probabilities, documents: list[str], labels: list[str], seed: int) -> dict[str, Any]:
    """Mean of each column with its interval over documents."""
    names, group = np.unique(documents, return_inverse=True)
    sums = np.zeros((len(names), len(labels)))
    np.add.at(sums, group, lead)
    counts = np.bincount(group)
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    means = (weights @ sums) / (weights @ counts)[:, None]
    return {
        label: {
            "value": float(lead[:, index].mean()),
            "interval": interval(means[:, index], len(names)),
        }
        for index, label in enumerate(labels)
    }


@cache
def _actors() -> dict[str, dict[str, list[str]]]:
    """Number → kind → actors."""
    lists = tomllib.loads(ACTORS.read_text(encoding="utf-8"))
    return {number: {kind: each.split(";") for kind, each in kinds.items()} for number, kinds in lists.items()}


@cache
def _pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    """What finds an actor of the list, and the number of each."""
    numbers = {
        actor.lower(): number for number, kinds in _actors().items() for each in kinds.values() for actor in each
    }
    longest_first = sorted(numbers, key=lambda actor: (-len(actor), actor))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE), numbers

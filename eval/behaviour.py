"""Behaviour: hand-written cases that anybody who knows the codebook answers alike, by linguistic capability.

Three kinds after CheckList (Ribeiro et al. 2020): `minimum` functionality – the clause has this label; `invariance` –
text and variant have the same label; `direction` – from text to variant the probability of a code rises.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CASES = Path(__file__).with_name("behaviour.jsonl")


def read_cases(path: Path = CASES) -> list[dict[str, str]]:
    """The cases: `capability, test, text` with `label`, `variant` or `code` as the kind of test wants them."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def passes(
    probabilities: Callable[[list[str]], NDArray[np.float64]], labels: Sequence[str], cases: list[dict[str, str]]
) -> list[bool]:
    """Which cases a model passes; `probabilities` takes n texts to n × labels.

    >>> case = {"capability": "negation", "test": "direction", "text": "yes", "variant": "no", "code": "oppose"}
    >>> passes(lambda texts: np.array([[0.9, 0.1] if "no" in text else [0.2, 0.8] for text in texts]),
    ...        ["oppose", "support"], [case])
    [True]
    """
    first = probabilities([case["text"] for case in cases])
    second = probabilities([case.get("variant", case["text"]) for case in cases])
    coded, again = (np.array(labels)[each.argmax(axis=1)] for each in (first, second))
    results = []
    for index, case in enumerate(cases):
        if case["test"] == "minimum":
            results.append(bool(coded[index] == case["label"]))
        elif case["test"] == "invariance":
            results.append(bool(coded[index] == again[index]))
        else:
            column = list(labels).index(case["code"])
            results.append(bool(second[index, column] > first[index, column]))
    return results


def behaviour(probabilities: Callable[[list[str]], NDArray[np.float64]], labels: Sequence[str]) -> dict[str, Any]:
    """Pass rates overall, by capability and by kind of test, and the cases that failed."""
    cases = read_cases()
    passed = passes(probabilities, labels, cases)

    def rates(field: str) -> dict[str, dict[str, int]]:
        names = dict.fromkeys(case[field] for case in cases)
        return {
            name: {
                "passed": sum(p for p, case in zip(passed, cases, strict=True) if case[field] == name),
                "cases": sum(case[field] == name for case in cases),
            }
            for name in names
        }

    return {
        "pass_rate": sum(passed) / len(cases),
        "cases": len(cases),
        "capabilities": rates("capability"),
        "tests": rates("test"),
        "failed": [case for p, case in zip(passed, cases, strict=True) if not p],
    }

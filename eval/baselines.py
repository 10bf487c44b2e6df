"""What a score has to beat: the most frequent code, and a dictionary of cue words."""

import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

from data.rows import NO_POSITION

LEXICON = Path(__file__).with_name("lexicon.toml")
NEGATION_WINDOW = 3  # words before the cue
_REVERSED = {"oppose": "support", "support": "oppose", "call-for": "call-for"}


def majority(gold: list[str]) -> list[str]:
    """The most frequent gold code for every clause: its accuracy is the zero-information rate."""
    return [Counter(sorted(gold)).most_common(1)[0][0]] * len(gold)


def cue_lexicon(texts: list[str]) -> list[str]:
    """Code each clause by its first cue word; a negation shortly before it turns approval and rejection round.

    >>> cue_lexicon(["They oppose the plan.", "They do not support it.", "States must not use force.", "Talks ended."])
    ['oppose', 'oppose', 'call-for', 'none']
    """
    return [_code(re.findall(r"[\w'’]+", text.lower())) for text in texts]


def _code(words: list[str]) -> str:
    cues, negations = _lexicon()
    for position, word in enumerate(words):
        if code := cues.get(word):
            before = words[max(0, position - NEGATION_WINDOW) : position]
            return _REVERSED[code] if negations.intersection(before) else code
    return NO_POSITION


@cache
def _lexicon() -> tuple[dict[str, str], frozenset[str]]:
    entries = tomllib.loads(LEXICON.read_text(encoding="utf-8"))
    negations = frozenset(entries.pop("negation")["words"].split())
    cues: dict[str, str] = {}
    for code, lists in entries.items():
        for word in lists["words"].split() + [form for verb in lists["verbs"].split() for form in _forms(verb)]:
            cues.setdefault(word, code)
    return cues, negations


def _forms(verb: str) -> list[str]:
    """The regular forms of a verb.

    >>> _forms("urge"), _forms("deny")
    (['urge', 'urges', 'urged', 'urging'], ['deny', 'denies', 'denied', 'denying'])
    """
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return [verb, verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"]
    stem = verb.removesuffix("e")
    doubled = stem + stem[-1] if verb.endswith(("mit", "plan")) else stem
    third = verb + ("es" if verb.endswith(("s", "sh", "ch", "ss")) else "s")
    return [verb, third, doubled + "ed", doubled + "ing"]

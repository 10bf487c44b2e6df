"""What a score has to beat: guessing, a dictionary of cue words, and simpler classifiers of the same clauses."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from data.rows import NO_POSITION
from features.text import Features, clause_features
from models.classifier import Settings, stance_classifier

LEXICON = Path(__file__).with_name("lexicon.toml")
NEGATION_WINDOW = 3  # words before the cue
_REVERSED = {"oppose": "support", "support": "oppose", "call-for": "call-for"}


def majority(gold: list[str]) -> list[str]:
    """The most frequent gold code for every clause: its accuracy is the zero-information rate."""
    return [Counter(sorted(gold)).most_common(1)[0][0]] * len(gold)


def stratified_guess(training: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Codes drawn at random, as often as each stands in the training clauses."""
    names, counts = np.unique(list(training), return_counts=True)
    drawn = np.random.default_rng(seed).choice(names, size=count, p=counts / counts.sum())
    return [str(name) for name in drawn]


def simpler_classifiers(texts: Sequence[str], labels: Sequence[str]) -> dict[str, Callable[[list[str]], list[str]]]:
    """Classifiers of word 1- to 3-grams, fitted: complement naive Bayes, a linear SVM, logistic regression.

    Complement naive Bayes (Rennie et al. 2003) counts; the others take TF-IDF without weights, stems or blindness.
    Terms stand in two clauses or more; settings are scikit-learn's defaults but for C = 10 of the logistic regression,
    and were not tuned.
    """
    plain = Features(stems=None, token="words", blind=False)
    counting = CountVectorizer(ngram_range=(1, 3), min_df=2, token_pattern=r"(?u)\b\w+\b")
    pipelines = {
        "complement naive Bayes": make_pipeline(counting, ComplementNB()),
        "linear SVM on words": make_pipeline(clause_features(plain), LinearSVC(random_state=0)),
        "logistic regression on words": stance_classifier(Settings(plain, C=10.0, weighting=0.0)),
    }
    with threadpool_limits(1):
        for pipeline in pipelines.values():
            pipeline.fit(texts, labels)
    return {
        name: lambda clauses, pipeline=pipeline: [str(code) for code in pipeline.predict(clauses)]  # type: ignore[misc]
        for name, pipeline in pipelines.items()
    }


def cue_lexicon(texts: list[str]) -> list[str]:
    """Code each clause by its first cue word; a negation shortly before it turns approval and rejection round.

    >>> cue_lexicon(["They oppose the plan.", "They do not support it.", "States must not use force.", "Talks ended."])
    ['oppose', 'oppose', 'call-for', 'none']
    """
    return [_code(re.findall(r"[\w'’]+", text.lower())) for text in texts]


def negated(text: str) -> bool:
    """Whether a clause holds a word of negation.

    >>> negated("They cannot accept it."), negated("They accept it.")
    (True, False)
    """
    return bool(_lexicon()[1].intersection(re.findall(r"[\w'’]+", text.lower())))


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

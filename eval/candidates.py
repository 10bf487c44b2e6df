"""What `make tune` compares: settings by name, each a step from the ones that ship."""

from dataclasses import replace
from typing import Any

from features.text import Features
from models.classifier import Settings


def candidates() -> dict[str, Settings]:
    """The settings compared, by name; `default` is what ships.

    >>> "default" in candidates() and len(set(candidates().values())) == len(candidates())
    True
    """
    base = Settings()

    def features(**changes: Any) -> Settings:
        return replace(base, features=replace(base.features, **changes))

    def characters(analyzer: str, ngrams: tuple[int, int], **changes: Any) -> Settings:
        return features(
            characters=ngrams, analyzer=analyzer, characters_min_df=2 if analyzer == "char_wb" else 3, **changes
        )

    named = {
        "default": base,
        # which n-grams
        "actors seen": features(blind=False),
        "words 1–3 alone": features(stems=None),
        "stems alone": features(words=None),
        "words 1–2": features(words=(1, 2)),
        "words 1–4": features(words=(1, 4)),
        "stems of 4 letters": features(stem_length=4),
        "stems of 5 letters": features(stem_length=5),
        "stems of 7 letters": features(stem_length=7),
        "stems 1–3": features(stems=(1, 3)),
        "stems 1–5": features(stems=(1, 5)),
        "words without punctuation": features(token="words"),
        "words without numbers": features(token="words without numbers"),
        "numbers folded": features(token="words, of numbers the first digit"),
        "and characters within words 2–5": characters("char_wb", (2, 5)),
        "and characters across words 3–8": characters("char", (3, 8)),
        "words, characters within words 2–5, actors seen": characters("char_wb", (2, 5), stems=None, blind=False),
        "words, characters within words 3–6, actors seen": characters("char_wb", (3, 6), stems=None, blind=False),
        "words, characters across words 2–6, actors seen": characters("char", (2, 6), stems=None, blind=False),
        "words, characters across words 3–8, actors seen": characters("char", (3, 8), stems=None, blind=False),
        "characters across words 2–8 alone": characters("char", (2, 8), stems=None, words=None, blind=False),
        # how they count
        "words in 1 clause": features(words_min_df=1),
        "words in 3 clauses": features(words_min_df=3),
        "raw term frequency": features(sublinear_tf=False),
        "no document frequency": replace(features(use_idf=False), weighting=0.0),
        "L1 norm": replace(features(norm="l1"), C=300.0),
        # supervised term weighting
        **{f"weighting {power:g}": replace(base, weighting=power) for power in (0.0, 0.25, 0.5, 0.75, 1.0)},
        # the regression
        **{f"C={c:g}": replace(base, C=c) for c in (1.0, 2.0, 5.0, 10.0, 20.0)},
        "balanced classes": replace(base, class_weight="balanced"),
        "averaged over 10 resamples": replace(base, averaged=10),
        "both coders' codes": replace(base, soft_labels=True),
        # where it began
        "plain TF-IDF: words 1–3, characters within words 2–5": Settings(
            Features(stems=None, characters=(2, 5), blind=False), C=10.0, weighting=0.0
        ),
    }
    unique: dict[Settings, str] = {}
    for name, settings in named.items():
        unique.setdefault(settings, name)
    return {name: settings for settings, name in unique.items()}

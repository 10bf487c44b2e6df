"""Clauses → numbers: TF-IDF of n-grams of words, stems and characters, all of it stock scikit-learn."""

from dataclasses import dataclass
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from features.actors import passing_over_actors

Range = tuple[int, int]

# What a token is. scikit-learn's own pattern drops one-letter words, and with them the difference between "a call" and
# "call".
TOKENS = {
    "words": r"\b(\w+)\b",
    "words and punctuation": r"(\b\w+|[^\w\s])",
    "words without numbers": r"\b([^\W\d_]+)\b",
    "words, of numbers the first digit": r"\b([^\W\d_]\w*\b|\d(?=\d*\b))",
}


@dataclass(frozen=True)
class Features:
    """Which n-grams count, and how; the defaults are those of the classifier that ships.

    `words`, `stems` and `characters` are ranges of n, None leaves a kind out. A stem is the first `stem_length` letters
    of a word. Character n-grams stay within words for `char_wb` and cross them for `char`. A term must stand in
    `min_df` clauses to count. With `blind` the words that name an actor
    (`features.actors`) are passed over; in character n-grams they cannot be.
    """

    words: Range | None = (1, 3)
    token: str = "words and punctuation"
    words_min_df: int = 2
    stems: Range | None = (1, 4)
    stem_length: int = 6
    characters: Range | None = None
    analyzer: str = "char_wb"
    characters_min_df: int = 2
    blind: bool = True
    sublinear_tf: bool = True
    use_idf: bool = True
    norm: str | None = "l2"


def stem_pattern(length: int) -> str:
    """The token pattern of stems: the first `length` letters of every word."""
    return rf"\b(\w{{1,{length}}})\w*"


def clause_features(settings: Features | None = None) -> FeatureUnion:
    """Unfitted TF-IDF of n-grams, one vectoriser a kind, as `settings` say.

    Each kind is a row of unit norm with logarithmic term frequency (1 + ln tf) and smoothed inverse document
    frequency (Salton & Buckley 1988). The fitted union turns n strings into a sparse n × terms matrix of float64.

    >>> features = clause_features().fit(["They reject sanctions.", "We urge talks.", "Sanctions reject them."])
    >>> [str(term) for term in features["words"].get_feature_names_out()]
    ['.', 'reject', 'sanctions']
    """
    settings = settings or Features()
    shared = {"sublinear_tf": settings.sublinear_tf, "use_idf": settings.use_idf, "norm": settings.norm}
    parts: list[tuple[str, TfidfVectorizer]] = []

    def add(name: str, token: str, ngrams: Range, min_df: int) -> None:
        pattern: dict[str, Any] = {"token_pattern": f"(?u){token}"}
        if settings.blind:
            pattern = {"token_pattern": passing_over_actors(token), "stop_words": [""]}
        parts.append((name, TfidfVectorizer(ngram_range=ngrams, min_df=min_df, **pattern, **shared)))

    if settings.words:
        add("words", TOKENS[settings.token], settings.words, settings.words_min_df)
    if settings.stems:
        add("stems", stem_pattern(settings.stem_length), settings.stems, 2)
    if settings.characters:
        vectoriser = TfidfVectorizer(
            analyzer=settings.analyzer,
            ngram_range=settings.characters,
            min_df=settings.characters_min_df,
            **shared,
        )
        parts.append(("characters", vectoriser))
    return FeatureUnion(parts)

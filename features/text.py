"""Clauses → numbers: TF-IDF of word and character n-grams, all of it stock scikit-learn."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

WORD_NGRAMS = (1, 3)
CHARACTER_NGRAMS = (2, 5)
MIN_DOCUMENT_FREQUENCY = 2
# scikit-learn's own pattern drops one-letter words, and with them the difference between "a call" and "call".
TOKEN = r"(?u)\b\w+\b"


def clause_features() -> FeatureUnion:
    """Unfitted TF-IDF of word 1- to 3-grams beside character 2- to 5-grams within words.

    Each half is a row of unit L2 norm with logarithmic term frequency (1 + ln tf) and smoothed inverse document
    frequency (Salton & Buckley 1988); a term must stand in two clauses to count. The fitted union turns n strings
    into a sparse n × terms matrix of float64.

    >>> features = clause_features().fit(["They reject sanctions.", "They urge talks.", "Sanctions reject them."])
    >>> [str(term) for term in features["words"].get_feature_names_out()]
    ['reject', 'sanctions', 'they']
    """
    shared = {"sublinear_tf": True, "min_df": MIN_DOCUMENT_FREQUENCY}
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=WORD_NGRAMS, token_pattern=TOKEN, **shared)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTER_NGRAMS, **shared)),
        ]
    )

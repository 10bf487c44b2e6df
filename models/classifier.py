"""What the classifier is: TF-IDF features and a multinomial logistic regression, all stock scikit-learn."""

from dataclasses import dataclass, field
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from features.text import Features, clause_features

# The gradient's largest component at the optimum. lbfgs with its defaults stops far earlier, at probabilities that
# are off by up to 0.05 and differ from machine to machine.
TOLERANCE = 1e-6
MAX_ITERATIONS = 500
SEED = 0


@dataclass(frozen=True)
class Settings:
    """Everything that is chosen about the classifier; the defaults are what `make tune` found best.

    `C` is scikit-learn's inverse strength of regularisation: larger values trust the training clauses more.
    `weighting` raises the inverse document frequency of terms that tell the codes apart: 0 leaves it alone, larger
    powers raise it more (`models.fitting.term_weights`). `averaged` fits that many resamples of the training
    documents and takes the mean of their coefficients; 0 fits all of them once. With `soft_labels` a clause on which
    its coders differed counts for each of their codes in part.
    """

    features: Features = field(default_factory=Features)
    C: float = 5.0
    class_weight: str | None = None
    weighting: float = 0.5
    averaged: int = 0
    soft_labels: bool = False


def settings_of(card: dict[str, Any]) -> Settings | None:
    """The settings that the card of a saved model names; None where it names none or of another kind.

    >>> settings_of({"settings": {"features": {"words": [1, 2], "stems": None}, "C": 3.0, "seed": 0}}).features.words
    (1, 2)
    """
    table: dict[str, Any] = {name: each for name, each in card.get("settings", {}).items() if name != "seed"}
    try:
        features: dict[str, Any] = table.pop("features")
        ranges = {name: tuple(each) for name, each in features.items() if isinstance(each, list)}
        return Settings(features=Features(**features | ranges), **table)
    except (KeyError, TypeError, AttributeError):
        return None


def stance_classifier(settings: Settings | None = None) -> Pipeline:
    """Unfitted pipeline from n strings to one of the labels it is fitted on.

    >>> texts = ["We oppose the tariffs.", "We oppose the bill.", "We welcome the bill.", "We welcome the tariffs."]
    >>> model = stance_classifier().fit(texts, ["oppose", "oppose", "support", "support"])
    >>> [str(label) for label in model.predict(["They oppose it.", "They welcome it."])]
    ['oppose', 'support']
    """
    settings = settings or Settings()
    regression = LogisticRegression(
        C=settings.C,
        class_weight=settings.class_weight,
        solver="newton-cg",
        tol=TOLERANCE,
        max_iter=MAX_ITERATIONS,
        random_state=SEED,
    )
    return Pipeline([("features", clause_features(settings.features)), ("classifier", regression)])

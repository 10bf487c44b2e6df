"""What the classifier is: TF-IDF features and a multinomial logistic regression, all stock scikit-learn."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from features.text import clause_features

C = 10.0
# The gradient's largest component at the optimum. lbfgs with its defaults stops far earlier, at probabilities that
# are off by up to 0.05 and differ from machine to machine.
TOLERANCE = 1e-6
MAX_ITERATIONS = 500
SEED = 0


def stance_classifier(inverse_regularisation: float = C, seed: int = SEED) -> Pipeline:
    """Unfitted pipeline from n strings to one of the labels it is fitted on.

    `inverse_regularisation` is scikit-learn's `C`: larger values trust the training clauses more.

    >>> texts = ["We oppose the tariffs.", "We oppose the bill.", "We welcome the bill.", "We welcome the tariffs."]
    >>> model = stance_classifier().fit(texts, ["oppose", "oppose", "support", "support"])
    >>> [str(label) for label in model.predict(["They oppose it.", "They welcome it."])]
    ['oppose', 'support']
    """
    regression = LogisticRegression(
        C=inverse_regularisation, solver="newton-cg", tol=TOLERANCE, max_iter=MAX_ITERATIONS, random_state=seed
    )
    return Pipeline([("features", clause_features()), ("classifier", regression)])

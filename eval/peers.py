"""Other classifiers of short texts for `make bench`, each fitted on the same clauses; one that is missing is left out.

Their libraries are no dependency: `requirements-peers.txt` has them.
"""

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

NGRAMS = 3
EPOCHS = 25
PASSES = 10
SPACY_EPOCHS = 4
BATCH = 256
SEED = 0


class Peer:
    """A classifier with `fit` and `predict`; `library` is what it needs."""

    library = ""

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Learn from clauses and their labels."""
        raise NotImplementedError

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The label of each clause."""
        raise NotImplementedError

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the library is there."""
        return importlib.util.find_spec(cls.library) is not None


class FastText(Peer):
    """fastText (Joulin et al. 2017) of word 1- to 3-grams, one thread, sixteen dimensions."""

    library = "fasttext"

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Learn by stochastic gradient descent over twenty-five epochs."""
        import fasttext

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "train.txt")
            rows = zip(labels, texts, strict=True)
            path.write_text("".join(f"__label__{label} {_line(text)}\n" for label, text in rows), "utf-8")
            settings = {"wordNgrams": NGRAMS, "dim": 16, "epoch": EPOCHS, "lr": 0.5, "thread": 1, "seed": SEED}
            self.model = fasttext.train_supervised(str(path), verbose=0, **settings)

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label; by the library's own batch call, which its wrapper for NumPy 1 would break."""
        lines = [_line(text) + "\n" for text in texts]
        labels, _ = self.model.f.multilinePredict(lines, 1, 0.0, "strict")
        return [label[0].removeprefix("__label__") if len(label) else "" for label in labels]


class VowpalWabbit(Peer):
    """Vowpal Wabbit: one against all with hashed word 1- to 3-grams and logistic loss, reading a file."""

    library = "vowpalwabbit"

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Learn in ten passes."""
        self.labels = sorted(set(labels))
        number = {label: place for place, label in enumerate(self.labels, 1)}
        self._write("train.txt", [f"{number[label]} | " for label in labels], texts)
        options = f"--oaa {len(self.labels)} --ngram {NGRAMS} -b 22 --loss_function logistic --random_seed {SEED}"
        self._run(
            f"{options} --passes {PASSES} --holdout_off --cache_file {self._path('cache')} -k -f {self._path('m')}"
        )

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The label of each clause, through files as its command line does it."""
        self._write("train.txt", ["| "] * len(texts), texts)
        self._run(f"-t -i {self._path('m')} -p {self._path('codes')}")
        codes = Path(self._path("codes")).read_text("utf-8").split()
        return [self.labels[int(float(code)) - 1] for code in codes]

    def _path(self, name: str) -> str:
        return str(Path(self.folder.name, name))

    def _write(self, name: str, heads: list[str], texts: Sequence[str]) -> None:
        plain = (_line(text).replace("|", " ").replace(":", " ") for text in texts)
        lines = (f"{head}{text}\n" for head, text in zip(heads, plain, strict=True))
        Path(self._path(name)).write_text("".join(lines), "utf-8")

    def _run(self, options: str) -> None:
        from vowpalwabbit import Workspace

        Workspace(f"--quiet -d {self._path('train.txt')} {options}").finish()


class SpacyBow(Peer):
    """spaCy's bag of word 1- to 3-grams (TextCatBOW)."""

    library = "spacy"

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Learn in a few epochs of small batches."""
        import spacy
        from spacy.training import Example

        model = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": NGRAMS}
        self.nlp = spacy.blank("en")
        part: Any = self.nlp.add_pipe("textcat", config={"model": model | {"no_output_layer": False}})
        names = sorted(set(labels))
        for name in names:
            part.add_label(name)
        examples = [
            Example.from_dict(self.nlp.make_doc(text), {"cats": {name: float(name == label) for name in names}})
            for text, label in zip(texts, labels, strict=True)
        ]
        optimizer = self.nlp.initialize(lambda: examples[:BATCH])
        generator = np.random.default_rng(SEED)
        for _ in range(SPACY_EPOCHS):
            order = generator.permutation(len(examples))
            for start in range(0, len(order), BATCH):
                self.nlp.update([examples[place] for place in order[start : start + BATCH]], sgd=optimizer)

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label."""
        return [max(doc.cats, key=doc.cats.__getitem__) for doc in self.nlp.pipe(texts)]


PEERS = {
    "fastText, word 1–3": FastText,
    "Vowpal Wabbit, word 1–3": VowpalWabbit,
    "spaCy, bag of word 1–3": SpacyBow,
}


def _line(text: str) -> str:
    return " ".join(text.split())

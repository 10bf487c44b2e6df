"""The fast scorer gives the pipeline's numbers: for every setting, every string, every kind of array, any threads."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from tiny_corpus import tiny_rows

from data.errors import InputError
from features.actors import ACTOR, actor_sequences
from features.text import TOKENS, Features
from models.classifier import Settings, stance_classifier
from models.compact import compact, from_bytes, to_bytes
from models.kernel import LONGEST
from models.scorer import FastScorer
from models.storage import load, load_scorer, save

ROWS = tiny_rows()
ODD = [
    "the Republic of Varnovia met 12 times, côte d'ivoire _a1_ x²",
    "ÀÉÎ straße naïve",
    "a b",
    "!",
    "  ",
    "Ünder  \t the",
]
TEXTS = [str(row["text"]) for row in ROWS] + ODD * 2
LABELS = [str(row["label"]) for row in ROWS] + ["none", "support"] * len(ODD)
WORDS = sorted({word for text in TEXTS for word in text.split()})
TRICKY = "İıſßẞΣσςǅﬁ\u0301\u200b\u200d\u00a0\u2028\x00\x1c\x85_²٣五日本한עﷺ😀𝔸𐐀\U0001f1e6\ud800\udfff'’–.!*"


def pipeline_of(features: Features, labels: list[str] = LABELS) -> Pipeline:
    return stance_classifier(Settings(features, C=1.0)).fit(TEXTS, labels)


def assert_same(scorer: FastScorer, pipeline: Pipeline, texts: list[str]) -> None:
    assert np.abs(scorer.predict_proba(texts) - pipeline.predict_proba(texts)).max() <= 1e-12
    decisions = pipeline.decision_function(texts)
    assert scorer.decision_function(texts).shape == decisions.shape
    assert np.abs(scorer.decision_function(texts) - decisions).max() <= 1e-11
    margin = np.sort(pipeline.predict_proba(texts), axis=1)
    clear = margin[:, -1] - margin[:, -2] > 1e-9  # of two equal ones either may come first
    assert (scorer.predict(texts) == pipeline.predict(texts))[clear].all()


GRID = [
    *(Features(token=token, blind=blind, words_min_df=1) for token in TOKENS for blind in (False, True)),
    Features(words=(2, 3), stems=(1, 1), stem_length=3, norm="l1", sublinear_tf=False),
    Features(words=None, stems=(2, 4), stem_length=20, norm=None, use_idf=False),
    Features(words=None, stems=None, characters=(2, 5), characters_min_df=1),
    Features(words=None, stems=None, characters=(4, 7), characters_min_df=1, norm="l1"),
    Features(words=(1, 1), stems=None, characters=(1, 4), analyzer="char", characters_min_df=1, sublinear_tf=False),
    Features(words=None, stems=None, characters=(3, 3), analyzer="char", characters_min_df=1, norm=None),
]


@pytest.fixture(scope="module", params=GRID, ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[FastScorer, FastScorer, Pipeline]:
    pipeline = pipeline_of(request.param)
    return FastScorer.from_pipeline(pipeline, few=0), FastScorer.from_pipeline(pipeline, few=10**9), pipeline


STRINGS = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(TRICKY),
        st.text(max_size=6),
        st.sampled_from([" ".join(each) for each in actor_sequences()[::7]]),
        st.sampled_from([" ", "  ", "\n", "\t ", "-", "The ", "two", "Mr. ", "the republic of"]),
    ),
    max_size=12,
).flatmap(lambda parts: st.sampled_from(["", " "]).map(lambda glue: glue.join(parts)))


@settings(max_examples=60, deadline=None)
@given(st.lists(STRINGS, min_size=1, max_size=8))
@example([""])
@example([TRICKY, TRICKY.replace("İ", "").replace("Σ", ""), "ΑΣ Σ", "a" * 300, "ÿ" * 16 + " " + "ÿ" * 17])
@example(["x" * 5000 + " tariffs" * 3000])
def test_every_string_scores_as_in_the_pipeline(
    pair: tuple[FastScorer, FastScorer, Pipeline], texts: list[str]
) -> None:
    compiled, plain, pipeline = pair
    assert compiled.model is not None
    assert_same(compiled, pipeline, texts)
    assert_same(plain, pipeline, texts)


def vectorised(**options: object) -> Pipeline:
    return Pipeline([("a", TfidfVectorizer(**options)), ("b", LogisticRegression())]).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "options",
    [
        {"token_pattern": TOKENS["words"], "stop_words": ["the", "a"], "binary": True, "max_df": 0.5},
        {"token_pattern": f"(?u){TOKENS['words']}", "stop_words": "english", "max_features": 20, "smooth_idf": False},
        {"token_pattern": r"(?u)\b(\w{1,4})\w*", "stop_words": ["stro", "on"], "ngram_range": (1, 2)},
        {"token_pattern": r"(?u)\b(\w+)\b", "vocabulary": ["the tariffs", "on", "met on tuesday", "x y"]},
        {"analyzer": "char_wb", "ngram_range": (5, 6), "vocabulary": [" a ", "ab", "strong", " the ", "ariff"]},
        {"analyzer": "char", "ngram_range": (2, 3), "binary": True},
        {"strip_accents": "unicode"},
        {"lowercase": False},
        {"dtype": np.float32},
        {"analyzer": str.split},
        {"token_pattern": r"\d+|[a-z]+"},
    ],
    ids=str,
)
def test_any_other_pipeline_scores_as_itself(options: dict[str, object]) -> None:
    pipeline = vectorised(**options)
    assert_same(FastScorer.from_pipeline(pipeline, few=0), pipeline, [*TEXTS, "strong a ab the b", "THE Tariffs on"])


def test_two_labels_have_the_shapes_of_scikit_learn() -> None:
    pipeline = pipeline_of(Features(), ["yes" if label == "none" else "no" for label in LABELS])
    for few in (0, 10**9):
        scorer = FastScorer.from_pipeline(pipeline, few=few)
        assert_same(scorer, pipeline, TEXTS)
        assert scorer.decision_function([]).shape == (0,)
        assert scorer.predict_proba([]).shape == (0, 2)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return pipeline_of(Features())


@pytest.fixture(scope="module")
def scorer(pipeline: Pipeline) -> FastScorer:
    return FastScorer.from_pipeline(pipeline, few=0)


ARRAYS = {
    "tuple": tuple,
    "generator": iter,
    "numpy U": np.array,
    "numpy object": lambda texts: np.array(texts, object),
    "numpy StringDType": lambda texts: np.array(texts, np.dtypes.StringDType()),
    "arrow": pa.array,
    "large": lambda texts: pa.array(texts, pa.large_string()),
    "view": lambda texts: pa.array(texts, pa.string_view()),
    "slice": lambda texts: pa.array(["before", *texts, "after"])[1:-1],
    "chunks": lambda texts: pa.chunked_array([texts[:5], [], texts[5:]]),
    "chunks of large": lambda texts: pa.chunked_array([pa.array(texts, pa.large_string())[:9], texts[9:]]),
    "dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "column": lambda texts: Dataset.from_dict({"text": texts})["text"],
    "shuffled column": lambda texts: Dataset.from_dict({"text": ["x", *texts]}).select(range(1, len(texts) + 1))[
        "text"
    ],
    "column of chosen rows": lambda texts: Dataset.from_dict({"t": [*texts[::-1]]}).select(range(len(texts))[::-1])[
        "t"
    ],
}


@pytest.mark.parametrize("few", [0, 10**9])
@pytest.mark.parametrize("kind", ARRAYS)
def test_every_kind_of_array_is_read(pipeline: Pipeline, kind: str, few: int) -> None:
    scorer, expected = FastScorer.from_pipeline(pipeline, few=few), pipeline.predict_proba(TEXTS)
    assert np.abs(scorer.predict_proba(ARRAYS[kind](TEXTS)) - expected).max() <= 1e-12


@pytest.mark.parametrize(
    "empty", [[], np.array([], "U1"), pa.array([], pa.string()), pa.chunked_array([], pa.string())]
)
def test_no_strings_have_no_scores(scorer: FastScorer, empty: object) -> None:
    assert scorer.predict_proba(empty).shape == (0, 4)
    assert scorer.predict(empty).shape == (0,)


def arrow(offsets: list[int], data: bytes) -> pa.Array:
    buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ("one string", "is one string"),
        (["a", None], "text 2 is None"),
        (["a", b"b"], r"text 2 is b'b', a bytes"),
        (np.array([["a"]]), "2 dimensions"),
        (pa.array(["a", None, "b"]), "text 2 is missing"),
        (pa.chunked_array([["a"], ["b", None]]), "text 3 is missing"),
        (pa.array([1, 2]), "not int64"),
        (arrow([0, 3, 1], b"abc"), "damaged"),
        (arrow([0, 2], b"a\xe2"), "no UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_told_in_one_line(scorer: FastScorer, texts: object, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        scorer.predict_proba(texts)
    assert len(str(error.value).splitlines()) == 1


def test_the_numbers_do_not_depend_on_threads(pipeline: Pipeline) -> None:
    many = pa.array(TEXTS * 300)
    one, three = (FastScorer.from_pipeline(pipeline, n_jobs=jobs, few=0).predict_proba(many) for jobs in (1, 3))
    assert np.array_equal(one, three)


def test_there_is_at_least_one_thread(tmp_path: Path, pipeline: Pipeline) -> None:
    assert FastScorer.from_pipeline(pipeline, n_jobs=-99).n_jobs == 1
    save(pipeline, {}, tmp_path / "m.joblib")
    with pytest.raises(InputError, match="n_jobs=0 leaves no thread to score"):
        load_scorer(tmp_path / "m.joblib", n_jobs=0)


def test_strings_longer_than_the_buffers_score_too(scorer: FastScorer, pipeline: Pipeline) -> None:
    long = "We oppose the tariffs. " * (LONGEST // 23 + 1)
    assert len(long) > LONGEST
    assert np.abs(scorer.predict_proba([long, "a"]) - pipeline.predict_proba([long, "a"])).max() <= 1e-12


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*sorted({w for each in actor_sequences() for w in each if w.isalnum()}), "x", "the", "of"]),
        max_size=10,
    )
)
def test_the_pattern_of_actors_is_the_first_sequence_that_fits(words: list[str]) -> None:
    match = re.match(ACTOR, " ".join(words))
    fitting = (
        each
        for each in actor_sequences()
        if len(each) <= len(words) and all(re.fullmatch(part, word) for part, word in zip(each, words, strict=False))
    )
    assert (len(match[0].split()) if match else 0) == len(next(fitting, ()))


def test_arrays_come_back_from_the_file_as_they_were(pipeline: Pipeline) -> None:
    model = compact(pipeline)
    assert model is not None
    content = to_bytes(model)
    again = from_bytes(content)
    assert to_bytes(again) == content
    assert again.kinds == model.kinds
    assert again.terms == model.terms
    assert np.array_equal(FastScorer(again, few=0).predict_proba(TEXTS), FastScorer(model, few=0).predict_proba(TEXTS))


def rewritten(content: bytes, name: str, array: object) -> bytes:
    arrays = dict(np.load(io.BytesIO(content)))
    target = io.BytesIO()
    np.savez(
        target,
        **(arrays | {name: np.asarray(array)} if array is not None else {k: v for k, v in arrays.items() if k != name}),
    )
    return target.getvalue()  # fmt: skip


def with_settings(content: bytes, **changes: object) -> bytes:
    stated = json.loads(np.load(io.BytesIO(content))["settings"].tobytes())
    stated["kinds"][0] |= {name: value for name, value in changes.items() if name in stated["kinds"][0]}
    stated |= {name: value for name, value in changes.items() if name in stated}
    return rewritten(content, "settings", np.frombuffer(json.dumps(stated).encode(), np.uint8))


DAMAGES = {
    "empty": lambda content: b"",
    "junk": lambda content: b"junk" * 100,
    "cut": lambda content: content[: len(content) // 2],
    "no coef": lambda content: rewritten(content, "coef", None),
    "short idf": lambda content: rewritten(content, "idf0", np.ones(2)),
    "infinite idf": lambda content: rewritten(content, "intercept", np.full(4, np.nan)),
    "lengths": lambda content: rewritten(content, "lengths0", np.array([2**32 - 1, 5], np.uint32)),
    "text": lambda content: rewritten(content, "terms0", np.array([255, 255], np.uint8)),
    "objects": lambda content: rewritten(content, "classes", np.array([{}, 1], object)),
    "one class": lambda content: rewritten(content, "classes", np.array(["a"])),
    "format": lambda content: with_settings(content, format=2),
    "analyzer": lambda content: with_settings(content, analyzer="bytes"),
    "range": lambda content: with_settings(content, ngram_range=[3, 1]),
    "wide range": lambda content: with_settings(content, ngram_range=[1, 10**9]),
    "stem": lambda content: with_settings(content, token="stem", stem_length=0),
    "token": lambda content: with_settings(content, token="lines"),
    "pattern": lambda content: with_settings(content, token_pattern="("),
    "actors": lambda content: with_settings(content, actors=[r"\w+ a", ""]),
    "settings": lambda content: rewritten(content, "settings", np.frombuffer(b"[]", np.uint8)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_forged_file_is_told_and_never_read_beyond(pipeline: Pipeline, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "m.joblib"
    save(pipeline, {}, path)
    arrays = path.with_suffix(".npz")
    arrays.write_bytes(DAMAGES[damage](arrays.read_bytes()))
    with pytest.raises(InputError, match="is not the file its card describes"):
        load_scorer(path)
    with pytest.raises(InputError, match="cannot be opened as a saved model") as error:
        load_scorer(path, trust=True)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_saved_scores_without_scikit_learn(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "m.joblib"
    save(pipeline, {"labels": ["none"]}, path)
    code = (
        "import sys; from pathlib import Path; from models.storage import load_scorer\n"
        "print(load_scorer(Path(sys.argv[1])).pipeline.predict_proba(['We strongly oppose it.']).round(9).tolist())\n"
        "print({'sklearn', 'joblib', 'skops', 'numba', 'pyarrow', 'datasets'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    expected = pipeline.predict_proba(["We strongly oppose it."]).round(9).tolist()
    assert ran.stdout == f"{expected}\nset()\n"


def test_a_model_without_arrays_scores_by_itself(tmp_path: Path, pipeline: Pipeline) -> None:
    path, other = tmp_path / "m.joblib", vectorised(lowercase=False)
    save(pipeline, {}, path)
    save(other, {}, path)
    assert not path.with_suffix(".npz").exists()
    assert_same(load_scorer(path).pipeline, load(path).pipeline, TEXTS)


def test_the_file_is_dated_the_same_on_every_day(pipeline: Pipeline) -> None:
    model = compact(pipeline)
    assert model is not None
    dates = {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(to_bytes(model))).infolist()}
    assert dates == {(1980, 1, 1, 0, 0, 0)}


def test_no_index_leaves_its_array(tmp_path: Path) -> None:
    """The same scores where the compiled code checks every index."""
    code = (
        "import numpy as np, test_scorer as t\n"
        "for features in (t.Features(), t.GRID[10], t.GRID[12]):\n"
        "    p = t.pipeline_of(features); s = t.FastScorer.from_pipeline(p, few=0)\n"
        "    t.assert_same(s, p, [*t.TEXTS, t.TRICKY, 'the', 'the two', 'x' * 99, 'a ' * 99, '日本 ' * 9, ''])\n"
    )
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}."}
    environment.pop("NUMBA_CACHE_DIR", None)
    root = Path(__file__).resolve().parent.parent
    subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, check=True)

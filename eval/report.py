"""An evaluation in plain language: one page and the same as Markdown, from the numbers of metrics.json."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup

from data.errors import replace_file, without_controls
from data.reading import CORPUS

TEMPLATE = Path(__file__).with_name("report.html.jinja")
MISTAKES = 20
SLICES = 40
WEAKEST = 5
LANGUAGE_MODEL = "their agreement says how clear the codebook is, not how far people would agree"


class Section(NamedTuple):
    """A heading, what it says, and perhaps a table and a picture."""

    title: str
    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    image: str | None = None


def write_report(out: Path, report: dict[str, Any], mistakes: list[dict[str, Any]]) -> None:
    """Write index.html, which holds its pictures, and report.md, which names them."""
    title = f"{report['model']['file']} on {report['data']['source']}: {report['data']['part']}"
    write_sections(out, title, sections(report, mistakes))


def write_sections(out: Path, title: str, parts: list[Section]) -> None:
    """Write sections as a page and as Markdown; their pictures lie in `out`."""
    images = {part.image: base64.b64encode((out / part.image).read_bytes()).decode() for part in parts if part.image}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=shown_safely)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    replace_file(out / "index.html", page.render(title=title, sections=parts, images=images))
    replace_file(out / "report.md", f"# {plain(title)}\n" + "".join(markdown(part) for part in parts))


def sections(report: dict[str, Any], mistakes: list[dict[str, Any]]) -> list[Section]:
    """What a reader wants to know, in the order of asking."""
    model = report["scores"]["model"]
    return [
        score_section(report["scores"], model),
        lead_section(report["comparisons"], "the model"),
        *_codes(report, model),
        *_calibration(report),
        *_slices(report),
        *_leakage(report),
        *_curve(report),
        *_shares(report),
        *_reliability(report),
        *_behaviour(report),
        *_documents(report),
        Section("What decides", "The n-grams with the largest weights; a hyphen marks a stem.", image="top_terms.png"),
        *_mistakes(report, mistakes),
        Section("What was judged by what", "", ["", ""], _made(report)),
    ]


def _made(report: dict[str, Any]) -> list[list[str]]:
    ways = {"fast": "compiled (models.scorer), to 1e-12 the pipeline's numbers", "sklearn": "scikit-learn's pipeline"}
    return [
        ["model", report["model"]["file"]],
        ["its SHA-256", report["model"]["sha256"] or "no card tells it"],
        ["data", f"{report['data']['source']}: {report['data']['part']}"],
        ["SHA-256 of documents, texts and codes", report["data"]["sha256"]],
        ["scored by", ways[report["model"]["scorer"]]],
    ]


def score_section(scores: dict[str, dict[str, Any]], first: dict[str, Any]) -> Section:
    """The scores of all coders; `first` says on how much."""
    return Section(
        "How good it is",
        f"Judged on {first['clauses']:,} clauses of {first['documents']:,} documents that were not learnt from. "
        "Macro-F1 is the mean of the F1 of the codes; in brackets 95 % intervals from a bootstrap that resamples "
        f"documents. Always giving the commonest code would be right in {shown(scores['majority']['accuracy'])}, the "
        "zero-information rate.",
        ["", "macro-F1, all codes", "positions only", "accuracy", "Matthews' correlation"],
        [
            [name, *(shown(each[key]) for key in ("macro_f1", "macro_f1_positions", "accuracy", "mcc"))]
            for name, each in scores.items()
        ],
    )


def lead_section(comparisons: dict[str, dict[str, Any]], first: str) -> Section:
    """The paired tests of one coder against the others."""
    return Section(
        "Is its lead real?",
        f"Against each of the others on the same clauses: the lead of {first} in macro-F1 with the interval of a "
        "paired bootstrap over documents, how many clauses only one of the two coded right, and the p-value of "
        "McNemar's exact test, corrected for the number of comparisons (Holm). That test takes clauses for "
        "independent; where it and the interval disagree, believe the interval.",
        ["over", "lead in macro-F1", f"only {first} right", "only the other right", "p"],
        [
            [name, shown(each["lead"]), f"{each['first_only']:,}", f"{each['other_only']:,}", p_value(each["p_holm"])]
            for name, each in comparisons.items()
        ],
    )


def _codes(report: dict[str, Any], model: dict[str, Any]) -> list[Section]:
    precision = report["average_precision"]
    rows = [
        [
            label,
            *(shown(model["per_label"][label][name]) for name in ("precision", "recall", "f1")),
            shown(precision["per_label"].get(label, {"value": None})),
            f"{model['per_label'][label]['support']:,}",
        ]
        for label in report["labels"]
    ]
    text = f"Mean average precision over the codes: {shown(precision['macro'])}."
    head = ["code", "precision", "recall", "F1", "average precision", "clauses"]
    beside = "Gold codes down, codes of the model across"
    if report["coder_confusion"]:
        beside += "; beside it the first coder down and the second across, for what coders confuse"
    return [
        Section("Code by code", text, head, rows, "codes.png"),
        Section("What is taken for what", f"{beside}.", image="confusion.png"),
    ]


def _calibration(report: dict[str, Any]) -> list[Section]:
    error, points = report["calibration"]["ece"], report["abstention"]["points"][1::2]
    return [
        Section(
            "Can its confidence be believed?",
            f"Expected calibration error {shown(error)}, Brier score {shown(report['calibration']['brier'])}. A "
            f"calibrated model would show an error of up to {error['by_chance']:.3f} by chance. On the diagonal "
            "confidence means what it says.",
            image="reliability.png",
        ),
        Section(
            "What abstaining would bring",
            f"Area under the risk–coverage curve {report['abstention']['area']:.4f}.",
            ["share coded, the surest first", "accuracy"],
            [[f"{each['coverage']:.0%}", f"{each['accuracy']:.1%}"] for each in points],
            "risk_coverage.png",
        ),
    ]


def _slices(report: dict[str, Any]) -> list[Section]:
    parts = report["slices"]
    if not parts:
        return []
    rows = [
        [
            *(each["field"], each["value"], f"{each['clauses']:,}", f"{each['documents']:,}"),
            *(shown(each["macro_f1"]), shown(each["accuracy"])),
        ]
        for each in parts[:SLICES]
    ]
    # That unsure codes are often wrong is no news.
    weakest = [each for each in parts if each["field"] != "confidence"][:WEAKEST]
    named = "; ".join(f"{each['field']} {each['value']}, {shown(each['macro_f1'])}" for each in weakest)
    text = f"Parts of at least fifty clauses, the weakest first. Apart from what it is unsure of, weakest are {named}."
    return [
        Section(
            "Where it is weak",
            text,
            ["by", "part", "clauses", "documents", "macro-F1", "accuracy"],
            rows,
            "slices.png",
        )
    ]


def _leakage(report: dict[str, Any]) -> list[Section]:
    if "leakage" not in report:
        return []
    both, crossed = report["leakage"]["overlap"], report["leakage"].get("cross_validation", {})
    text = (
        f"Of the documents judged, {both['documents']} are among those learnt from; {both['clauses']:,} of their "
        f"clauses of five words or more stand there word for word, {both['near_duplicates']:,} nearly so."
    )
    if crossed:
        flatters = (crossed["lead"]["interval"] or [0])[0] > 0
        text += (
            " Were clauses dealt at random, so that those of one document stood on both sides, cross-validation would "
            f"score {shown(crossed['lead'])} more than with documents kept whole: "
        ) + ("such a split flatters." if flatters else "no difference that the interval could tell from none.")
    names = {"grouped": "folds of documents", "random": "folds of clauses at random"}
    rows = [[told, *(shown(score) for score in crossed[name].values())] for name, told in names.items() if crossed]
    return [Section("Does anything leak?", text, ["cross-validation", "macro-F1", "accuracy"], rows)]


def _curve(report: dict[str, Any]) -> list[Section]:
    if "learning_curve" not in report:
        return []
    points, law = report["learning_curve"]["points"], report["learning_curve"]["power_law"]
    text = "Models of the first documents in orders drawn at random, judged on the same clauses."
    if law:
        doubled = law["doubled"]
        spread = f" [{doubled['range'][0]:.3f}, {doubled['range'][1]:.3f}]" if doubled["range"] else ""
        text += (
            f" The power law {law['ceiling']:.3f} − {law['factor']:.2f} · n^−{law['exponent']:.2f} (Figueroa et al. "
            f"2012) foretells {doubled['value']:.3f}{spread} for {doubled['documents']:,} documents, twice as many; in "
            "brackets the range over the orders, which is no confidence interval."
            + (" Its ceiling is the bound of 1: the curve does not level off yet." if law["ceiling"] > 0.999 else "")
        )
    rows = [
        [
            *(f"{point['documents']:,}", f"{point['clauses']:,}"),
            *(_spread(each) for each in point["scores"].values()),
        ]
        for point in points
    ]
    head = ["documents", "clauses", "macro-F1 (mean, standard deviation over orders)"]
    return [Section("What would more documents bring?", text, head, rows, "learning_curve.png")]


def _mistakes(report: dict[str, Any], mistakes: list[dict[str, Any]]) -> list[Section]:
    pairs = [
        [
            *(each["gold"], each["coded"], f"{each['clauses']:,}", f"{each['share']:.1%}"),
            ", ".join(each["because"]),
        ]
        for each in report["mistakes_by_pair"]
    ]
    doubles = bool(mistakes) and "nearest" in mistakes[0]
    text = "All of them stand in mistakes.csv and mistakes.jsonl."
    if doubles:
        text += (
            " Beside each the training clause most like it, its code and the cosine of their features: one that is "
            "nearly the same (0.8 or more) and has another code is a slip of coders or a distinction lost on n-grams."
        )
    rows = [
        [
            *(each["gold"], each["coded"], f"{each['confidence']:.0%}", each["text"], ", ".join(each["because"])),
            *([_double(each["nearest"])] if doubles else []),
        ]
        for each in mistakes[:MISTAKES]
    ]
    return [
        Section(
            "Mistakes by pair of codes",
            "With the n-grams that spoke most for the wrong code.",
            ["gold", "coded", "clauses", "of the gold code", "because of"],
            pairs,
        ),
        Section(
            "Its surest mistakes",
            text,
            ["gold", "coded", "confidence", "clause", "because of", *(["most like"] if doubles else [])],
            rows,
        ),
    ]


def _spread(scores: list[float]) -> str:
    """Mean and standard deviation; of one score several times only that."""
    if len(set(scores)) == 1:
        return f"{scores[0]:.3f}"
    return f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}"


def p_value(value: float) -> str:
    """A p-value with two digits; below what a float holds it is not zero either.

    >>> p_value(0.0123), p_value(0.0)
    ('0.012', '< 1e-300')
    """
    return f"{value:.2g}" if value > 1e-300 else "< 1e-300"


def _double(nearest: dict[str, Any]) -> str:
    return f"{nearest['label']}, {nearest['similarity']:.2f}: {nearest['text']}"


def _shares(report: dict[str, Any]) -> list[Section]:
    if report["shares"] is None:
        return []
    found, errors = report["shares"]["shares"], report["shares"]["error_in_simulation"]
    as_they_are = report["shares"]["error_by_document"]
    text = (
        "Counting codes is biased where the codes are mixed otherwise than in the training documents; corrected shares "
        "undo the confusions that the model showed there (adjusted classify-and-count; Forman 2008). Drawn from these "
        "clauses in every mixture of codes, so that the confusions stay the same, a counted share is off by "
        f"{errors['counted']:.3f} in the mean, a corrected one by "
        f"{errors['corrected']:.3f}; in single documents as they are by {as_they_are['counted']:.3f} and "
        f"{as_they_are['corrected']:.3f}."
    )
    rows = [[name, *(shown(value) for value in each.values())] for name, each in found.items()]
    return [Section("Shares of the codes", text, ["", *found["gold"]], rows)]


def _reliability(report: dict[str, Any]) -> list[Section]:
    scale, ours = report["reliability"], report["data"]["source"] == str(CORPUS)
    if scale is None:
        return []
    text = (
        f"Krippendorff's alpha on {scale['clauses']:,} clauses that were coded twice or more: between the coders, and "
        "with the model as one more coder."
        + (f" Both coders of this corpus are a language model, in sessions apart: {LANGUAGE_MODEL}." if ours else "")
    )
    rows = [[name, "n/a" if value is None else f"{value:.3f}"] for name, value in scale.items() if name != "clauses"]
    return [Section("Coders and model on one scale", text, ["between", "alpha"], rows)]


def _behaviour(report: dict[str, Any]) -> list[Section]:
    if "behaviour" not in report:
        return []
    cases, swap = report["behaviour"], report["actor_swap"]
    capabilities = sorted(cases["capabilities"].items(), key=lambda item: item[1]["passed"] / item[1]["cases"])
    parts = [
        Section(
            "Does it behave?",
            f"{cases['pass_rate']:.1%} of {cases['cases']} hand-written cases pass.",
            ["capability", "passed", "cases"],
            [[name, str(each["passed"]), str(each["cases"])] for name, each in capabilities],
        )
    ]
    if swap["swaps"]:
        biased = [
            [actor, label, shown(each)]
            for actor, by_label in swap["bias"].items()
            for label, each in by_label.items()
            if each["interval"] and not each["interval"][0] <= 1e-9 <= each["interval"][1] + 2e-9
        ]
        text = (
            f"In {swap['clauses']:,} clauses the actor named gave way to each of a list that fits its place: "
            f"{swap['swaps']:,} swaps changed the code in {swap['flips']:.2%} and its probability by "
            f"{swap['change']:.4f} in the mean. "
        )
        effects = sum(map(len, swap["bias"].values()))
        text += (
            f"Of {effects} mean effects, each of an actor on a code, {len(biased)} have a 95 % interval without zero"
        )
        text += f", of which chance alone gives about {effects / 20:.0f}:" if biased else "."
        parts.append(
            Section("Does it matter who speaks?", text, ["actor", "code", "probability"] if biased else [], biased)
        )
    return parts


def _documents(report: dict[str, Any]) -> list[Section]:
    if "documents" not in report:
        return []
    each, cuts = report["documents"], report["documents"]["boundaries"]
    text = (
        f"{each['documents']} whole documents were cut and coded. Boundaries: precision {cuts['precision']:.3f}, "
        f"recall {cuts['recall']:.3f}, F1 {cuts['f1']:.3f}; {each['recovered']:.1%} of the gold clauses recovered. "
        "Word by word, where every word carries the code of its clause:"
    )
    rows = [[cut, shown(scores["macro_f1"]), shown(scores["accuracy"])] for cut, scores in each["by_word"].items()]
    return [Section("From end to end", text, ["clauses", "macro-F1", "accuracy"], rows)]


def shown(score: dict[str, Any], wide: bool = True) -> str:
    """`0.733 [0.701, 0.765]`, or without the interval; `n/a` for a score that has no value."""
    if score["value"] is None:
        return "n/a"
    bounds = score.get("interval") if wide else None
    return f"{score['value']:.3f}" + (f" [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else "")


def shown_safely(value: object) -> object:
    """What a template writes, without what would hide or reorder text in a browser."""
    return without_controls(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def plain(text: str) -> str:
    r"""Text on one line, of which Markdown makes no link, picture, element, emphasis or cell.

    >>> print(plain("[a](javascript:b) | <img>"))
    \[a\](javascript:b) \| &lt;img>
    """
    line = " ".join(without_controls(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", line)


def markdown(part: Section) -> str:
    r"""A section as Markdown; text of clauses cannot break out of its cell.

    >>> print(markdown(Section("Title", "Text.", ["a"], [["1 | 2"]])))
    <BLANKLINE>
    ## Title
    <BLANKLINE>
    Text.
    <BLANKLINE>
    | a |
    |---|
    | 1 \| 2 |
    <BLANKLINE>
    """

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(map(plain, cells))} |\n"

    table = ""
    if part.rows:
        table = "\n" + line(part.head) + "|" + "---|" * len(part.head) + "\n" + "".join(map(line, part.rows))
    picture = f"\n![{part.title}]({part.image})\n" if part.image else ""
    return f"\n## {part.title}\n\n{part.text}\n{table}{picture}"

"""An evaluation in plain language: one page and the same as Markdown, from the numbers of metrics.json."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from data.errors import replace_file, without_controls

TEMPLATE = Path(__file__).with_name("report.html.jinja")
MISTAKES = 20
SLICES = 40


class Section(NamedTuple):
    """A heading, what it says, and perhaps a table and a picture."""

    title: str
    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    image: str | None = None


def write_report(out: Path, report: dict[str, Any], mistakes: list[dict[str, Any]]) -> None:
    """Write index.html, which holds its pictures, and report.md, which names them."""
    parts = sections(report, mistakes)
    title = f"{report['model']['file']} on {report['data']['source']}: {report['data']['part']}"
    images = {part.image: base64.b64encode((out / part.image).read_bytes()).decode() for part in parts if part.image}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=shown_safely)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    replace_file(out / "index.html", page.render(title=title, sections=parts, images=images))
    replace_file(out / "report.md", f"# {plain(title)}\n" + "".join(markdown(part) for part in parts))


def sections(report: dict[str, Any], mistakes: list[dict[str, Any]]) -> list[Section]:
    """What a reader wants to know, in the order of asking."""
    model, labels = report["scores"]["model"], report["labels"]
    return [
        Section(
            "How good it is",
            f"Judged on {model['clauses']:,} clauses of {model['documents']:,} documents that it has not learnt from. "
            "Macro-F1 is the mean of the F1 of the codes; in brackets 95 % intervals from a bootstrap that resamples "
            f"documents. Always giving the commonest code would be right in "
            f"{shown(report['scores']['majority']['accuracy'])}.",
            ["", "macro-F1, all codes", "positions only", "accuracy", "Matthews' correlation"],
            [
                [name, *(shown(each[key]) for key in ("macro_f1", "macro_f1_positions", "accuracy", "mcc"))]
                for name, each in report["scores"].items()
            ],
        ),
        Section(
            "Is its lead real?",
            "The model against each of the others on the same clauses: the lead in macro-F1 with the interval of a "
            "paired bootstrap over documents, how many clauses only one of the two coded right, and the p-value of "
            "McNemar's exact test, corrected for the number of comparisons (Holm).",
            ["over", "lead in macro-F1", "only the model right", "only the other right", "p"],
            [
                [
                    name,
                    shown(each["lead"]),
                    f"{each['first_only']:,}",
                    f"{each['other_only']:,}",
                    f"{each['p_holm']:.2g}",
                ]
                for name, each in report["comparisons"].items()
            ],
        ),
        Section(
            "Code by code",
            f"Mean average precision over the codes: {shown(report['average_precision']['macro'])}.",
            ["code", "precision", "recall", "F1", "average precision", "clauses"],
            [
                [
                    label,
                    *(shown(model["per_label"][label][name]) for name in ("precision", "recall", "f1")),
                    shown(report["average_precision"]["per_label"].get(label, {"value": None})),
                    f"{model['per_label'][label]['support']:,}",
                ]
                for label in labels
            ],
            "confusion.png",
        ),
        Section(
            "Can its confidence be believed?",
            f"Expected calibration error {shown(report['calibration']['ece'])}, Brier score "
            f"{shown(report['calibration']['brier'])}. A calibrated model would show an error of up to "
            f"{report['calibration']['ece']['by_chance']:.3f} by chance. On the diagonal confidence means what it "
            "says.",
            image="reliability.png",
        ),
        Section(
            "What abstaining would bring",
            f"Area under the risk–coverage curve {report['abstention']['area']:.4f}.",
            ["share coded, the surest first", "accuracy"],
            [[f"{each['coverage']:.0%}", f"{each['accuracy']:.1%}"] for each in report["abstention"]["points"][1::2]],
            "risk_coverage.png",
        ),
        Section(
            "Where it is weak",
            "Parts of at least fifty clauses, the weakest first.",
            ["by", "part", "clauses", "documents", "macro-F1", "accuracy"],
            [
                [
                    *(each["field"], each["value"], f"{each['clauses']:,}", f"{each['documents']:,}"),
                    *(shown(each["macro_f1"]), shown(each["accuracy"])),
                ]
                for each in report["slices"][:SLICES]
            ],
        ),
        *_shares(report),
        *_reliability(report),
        *_behaviour(report),
        *_documents(report),
        Section("What decides", "The n-grams with the largest weights; a hyphen marks a stem.", image="top_terms.png"),
        Section(
            "Its surest mistakes",
            "All of them stand in mistakes.jsonl.",
            ["gold", "coded", "confidence", "clause", "because of"],
            [
                [each["gold"], each["coded"], f"{each['confidence']:.0%}", each["text"], ", ".join(each["because"])]
                for each in mistakes[:MISTAKES]
            ],
        ),
    ]


def _shares(report: dict[str, Any]) -> list[Section]:
    if report["shares"] is None:
        return []
    found, errors = report["shares"]["shares"], report["shares"]["error_in_simulation"]
    text = (
        "Counting codes is biased where some codes are rare; the corrected shares are those under which the "
        "probabilities fit best (expectation maximisation; Saerens et al. 2002). Over simulated mixtures of these "
        f"clauses a counted share is off by {errors['counted']:.3f}, a corrected one by {errors['corrected']:.3f} in "
        "the mean."
    )
    rows = [[name, *(f"{value:.1%}" for value in each.values())] for name, each in found.items()]
    return [Section("Shares of the codes", text, ["", *found["gold"]], rows)]


def _reliability(report: dict[str, Any]) -> list[Section]:
    scale = report["reliability"]
    if scale is None:
        return []
    text = (
        f"Krippendorff's alpha on {scale['clauses']:,} clauses that were coded twice or more: between the coders, and "
        "with the model as one more coder."
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
            f"In {swap['clauses']:,} clauses every actor of a list was put in the place of the one named: "
            f"{swap['swaps']:,} swaps changed the code in {swap['flips']:.2%} and its probability by "
            f"{swap['change']:.4f} in the mean. "
        )
        text += "Actors whose mean effect has an interval that excludes zero:" if biased else "No actor has an effect."
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

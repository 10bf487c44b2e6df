"""An evaluation on the terminal, and the same in a pipe."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.errors import visible
from eval.report import p_value, shown

WEAKEST = 5
PIPE_WIDTH = 150  # characters of a table that no terminal limits


def show(scores: dict[str, dict[str, Any]], comparisons: dict[str, dict[str, Any]], labels: list[str]) -> None:
    """Scores of all coders, the paired tests of the first against the others, and the first code by code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    names = {"macro_f1": "macro-F1, all codes", "macro_f1_positions": "positions only", "accuracy": "accuracy"}
    table = Table(title="scores [95 % interval over documents]", title_justify="left", box=None, padding=(0, 1))
    for heading in ("", *names.values(), "MCC"):
        table.add_column(heading, no_wrap=True)
    for name, each in scores.items():
        table.add_row(Text(visible(name)), *(shown(each[key]) for key in names), shown(each["mcc"], wide=False))
    console.print(table)

    title = Text(
        f"\nlead of {visible(next(iter(scores)))} in macro-F1 [95 % interval], exact McNemar test, Holm-corrected"
    )
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for heading in ("over", "lead", "right alone", "wrong alone", "p"):
        table.add_column(heading, no_wrap=True)
    for name, each in comparisons.items():
        alone = f"{each['first_only']:,}", f"{each['other_only']:,}"
        table.add_row(Text(visible(name)), shown(each["lead"]), *alone, p_value(each["p_holm"]))
    console.print(table)

    first = next(iter(scores.values()))
    judged = Text(f"\n{visible(next(iter(scores)))}, code by code")
    table = Table(title=judged, title_justify="left", box=None, padding=(0, 1))
    for heading in ("code", "precision", "recall", "F1", "clauses"):
        table.add_column(heading, justify="left" if heading == "code" else "right", no_wrap=True)
    for label in labels:
        row = first["per_label"][label]
        cells = shown(row["precision"], wide=False), shown(row["recall"], wide=False), shown(row["f1"])
        table.add_row(Text(visible(label)), *cells, f"{row['support']:,}")
    console.print(table)


def show_trust(report: dict[str, Any]) -> None:
    """Calibration, behaviour and blindness to the actor, a line each."""
    lines: list[str] = []
    # That unsure codes are often wrong is no news.
    if weak := [each for each in report["slices"] if each["field"] != "confidence"][:WEAKEST]:
        told = [f"{each['value']} {each['macro_f1']['value']:.2f} ({each['clauses']:,})" for each in weak]
        lines.append(f"weakest parts, macro-F1 (clauses): {', '.join(told)}")
    error, squared = (shown(report["calibration"][name]) for name in ("ece", "brier"))
    chance = report["calibration"]["ece"]["by_chance"]
    lines.append(f"expected calibration error {error} (up to {chance:.3f} is chance), Brier score {squared}")
    if "behaviour" in report:
        cases, swap = report["behaviour"], report["actor_swap"]
        weakest = sorted(cases["capabilities"].items(), key=lambda item: item[1]["passed"] / item[1]["cases"])[:3]
        named = ", ".join(f"{name} {each['passed']}/{each['cases']}" for name, each in weakest)
        lines.append(f"behaviour: {cases['pass_rate']:.1%} of {cases['cases']} cases pass; weakest: {named}")
        if swap["swaps"]:
            lines.append(
                f"another actor in {swap['clauses']} clauses, {swap['swaps']:,} swaps: code changes in "
                f"{swap['flips']:.2%}, its probability by {swap['change']:.4f} in the mean"
            )
    if "documents" in report:
        each = report["documents"]
        cuts, by_word = each["boundaries"], each["by_word"]
        lines.append(
            f"{each['documents']} documents end to end: boundaries precision {cuts['precision']:.3f}, recall "
            f"{cuts['recall']:.3f}, F1 {cuts['f1']:.3f}; {each['recovered']:.1%} of the clauses recovered"
        )
        lines.append(
            f"macro-F1 word by word {shown(by_word['cut here']['macro_f1'])}, "
            f"on clauses cut by coders {shown(by_word['cut by coders']['macro_f1'])}"
        )
    print("\n" + "\n".join(map(visible, lines)))

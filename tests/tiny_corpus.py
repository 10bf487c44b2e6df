"""A corpus that one can hold in one's head: six documents of four clauses, one clause a code."""

import json
from pathlib import Path

ACTORS = ("The ministers", "Both sides", "The leaders", "We", "The delegations", "The parties")
SENTENCES = {
    "oppose": "{} strongly oppose the new tariffs on {}.",
    "support": "{} welcome the agreement on {}.",
    "call-for": "{} must urgently resume the talks on {}.",
    "none": "{} met on Tuesday and discussed trade in {}.",
}
GOODS = ("steel", "grain", "fish", "timber", "copper", "cotton")


def tiny_rows() -> list[dict[str, object]]:
    """Six documents of four clauses, one clause a code."""
    return [
        {"document": f"doc-{n}", "position": p, "text": text.format(actor, goods), "label": label}
        for n, (actor, goods) in enumerate(zip(ACTORS, GOODS, strict=True), 1)
        for p, (label, text) in enumerate(SENTENCES.items(), 1)
    ]


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path

"""The model card: what a stranger should know before using a saved model, from the numbers of its evaluation."""

import re
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from data.reading import CORPUS
from eval.report import plain, shown
from models.storage import MODEL

TEMPLATE = Path(__file__).with_name("model_card.md.jinja")
CODEBOOK = Path("data/CODEBOOK.md")
PRECISIONS = ("0.80", "0.90", "0.95")
WEAKEST = 3
METRICS = {"macro_f1": "f1", "macro_f1_positions": "f1", "accuracy": "accuracy", "mcc": "matthews_correlation"}


def card_path(model: Path) -> Path:
    """Where the card of a model stands: the README of models/, or NAME.md beside a model of one's own."""
    return model.with_name("README.md") if model == MODEL else model.with_suffix(".md")


def model_card(report: dict[str, Any], card: dict[str, Any]) -> str:
    """The model card as Markdown with the scores as a `model-index` in its head (Mitchell et al. 2019).

    `report` is that of the evaluation on held-out documents, `card` the JSON card that `models.storage.save` wrote.
    """
    invented = report["data"]["source"] == str(CORPUS)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters |= {"score": shown, "thousands": "{:,}".format, "plain": plain}
    capabilities = report.get("behaviour", {}).get("capabilities", {})
    file = Path(report["model"]["file"])
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=_head(report, file, invented),
        name=f"policy-stance: {file.stem}",
        file=file.name,
        labels=report["labels"],
        hashes=card["sha256"],
        codebook=f"[the codebook](../data/CODEBOOK.md), version {_codebook_version()}" if invented else "the data",
        source=report["data"]["source"],
        invented=invented,
        train=card["split"]["train"],
        scores=report["scores"],
        agreement=report["reliability"],
        calibration=report["calibration"],
        thresholds={p: card["thresholds"][p] for p in PRECISIONS if p in card.get("thresholds", {})},
        behaviour=report.get("behaviour"),
        weakest=sorted(capabilities.items(), key=lambda item: item[1]["passed"] / item[1]["cases"])[:WEAKEST],
        actor_swap=report.get("actor_swap"),
    )
    return str(ModelCard(text))


def _head(report: dict[str, Any], file: Path, invented: bool) -> str:
    scores = report["scores"]["model"]
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type="policy-stance" if invented else "own",
            dataset_name=report["data"]["source"],
            dataset_split=report["data"]["part"],
            metric_type=kind,
            metric_name=name,
            metric_value=round(scores[name]["value"], 4),
            metric_args={"interval_95": [round(bound, 4) for bound in scores[name]["interval"] or []]},
        )
        for name, kind in METRICS.items()
        if scores[name]["value"] is not None
    ]
    data = ModelCardData(
        language="en" if invented else None,
        license="apache-2.0" if invented else None,
        library_name="sklearn",
        pipeline_tag="text-classification",
        tags=["stance-detection", "political-science"] if invented else None,
        model_name=f"policy-stance-{file.stem}",
        eval_results=results,
    )
    return str(data)


def _codebook_version() -> str:
    found = re.search(r"^Version (\d+)", CODEBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"

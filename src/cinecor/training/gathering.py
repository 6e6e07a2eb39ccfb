"""The rows of a comparison from the folders of a benchmark's runs."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd

from cinecor.evaluation import table
from cinecor.evaluation.comparison import RunRow
from cinecor.records import SPLITS
from cinecor.training.cost import COST_NAME
from cinecor.training.finishing import TRUTH_NAME, predictions_name
from cinecor.training.logs import METRICS_NAME
from cinecor.training.sweep import Job, Outcome


def gather(outcomes: Iterable[Outcome]) -> list[RunRow]:
    """What each training predicted, learned and cost, or why it failed."""
    return [_gather(outcome) for outcome in outcomes]


def _gather(outcome: Outcome) -> RunRow:
    job = outcome.job
    published = job.recipe.published
    row = RunRow(
        name=job.name,
        family="" if published is None else published.family,
        variant="" if published is None else published.variant,
        seed=job.recipe.seed,
        published=None if published is None else published.model_dump(),
        failure=outcome.failure,
    )
    return row if outcome.failure else _with_results(row, job)


def _with_results(row: RunRow, job: Job) -> RunRow:
    truth = table.read_truth(job.folder / TRUTH_NAME)
    pairs: dict[str, pd.DataFrame] = {
        split: table.pair(table.read_predictions(job.folder / predictions_name(split)), truth[truth["split"] == split])
        for split in SPLITS
    }
    return RunRow(
        name=row.name,
        family=row.family,
        variant=row.variant,
        seed=row.seed,
        pairs=pairs,
        history=pd.read_csv(job.folder / METRICS_NAME),
        published=row.published,
        cost=json.loads((job.folder / COST_NAME).read_text("utf-8")),
    )

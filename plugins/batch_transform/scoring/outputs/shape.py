"""What the outputs of a pipeline look like.

| job                 | an output line is                                    | ids are proven by  |
|---------------------|------------------------------------------------------|--------------------|
| joined, csv         | the record's fields that OutputFilter leaves, then   | the first fields   |
|                     | the model's                                          |                    |
| joined, jsonl       | the record with ``SageMakerOutput``; or, where it is | the same keys or   |
|                     | no object, ``SageMakerInput`` and ``SageMakerOutput``| places             |
| not joined          | the model's reply alone, one to a record             | line numbers       |
| not joined, jsonl   | a list with the replies to one batch                 | the sum of lengths |

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from batch_transform.scoring.pipeline import PipelineFile, Prediction
from batch_transform.scoring.pipeline.data_processing import data_processing
from batch_transform.scoring.pipeline.replypath import reply_path

ENGINE_INPUT = "SageMakerInput"  # the key of a joined record that is no JSON object
Format = Literal["csv", "jsonl"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Shape of the records sent and of the lines that come back.

    Attributes:
        sent: format of the records.
        answered: format of the outputs.
        joined: whether SageMaker puts record and prediction together.
        whole: whether a joined row keeps every field of the record.
        columns: the record's columns, ids first.
        ids: how many of them are ids.
        predictions: the predicted columns.
        placeholder: the model's word for a record that it cannot score; None where it has none.
    """

    sent: Format
    answered: Format
    joined: bool
    whole: bool
    columns: tuple[str, ...]
    ids: int
    predictions: Mapping[str, Prediction]
    placeholder: str | None = None

    @property
    def id_names(self) -> tuple[str, ...]:
        """Names of the id columns."""
        return self.columns[: self.ids]

    @property
    def reply_is_list(self) -> bool:
        """Whether the reply to one record is a list, by the paths of the predictions."""
        firsts = [reply_path(str(each.at))[:1] for each in self.predictions.values()]
        return all(first and isinstance(first[0], int) for first in firsts)


def shape_of(settings: PipelineFile) -> Shape:
    """Derive the shape from the request, overrides included."""
    transform, processing = settings.transform, data_processing(settings)
    source = transform.requested("DataProcessing", "JoinSource", processing["JoinSource"])
    return Shape(
        sent=settings.record.format,
        answered=settings.reply_format,
        joined=source == "Input",
        whole=transform.requested("DataProcessing", "OutputFilter", "$") == "$",
        columns=tuple(settings.record.columns),
        ids=len(settings.record.id),
        predictions=_bounded(settings),
        placeholder=settings.recover.placeholder,
    )


def _bounded(settings: PipelineFile) -> Mapping[str, Prediction]:
    """Drop min and max where out-of-range values are only warned about."""
    if settings.checks.bounds.level == "block":
        return settings.predictions
    free = {"min": None, "max": None}
    return {name: each.model_copy(update=free) for name, each in settings.predictions.items()}

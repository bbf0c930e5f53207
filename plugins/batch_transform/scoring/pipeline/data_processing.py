"""How the service filters what a model sees, and joins the input to what it answers.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

from batch_transform.scoring.pipeline.file import PipelineFile

_JOIN_SOURCES = {"engine": "Input", "line": "None"}


def data_processing(settings: PipelineFile) -> dict[str, str]:
    """Return the DataProcessing of a request."""
    # In CSV the ids are the first columns, so a slice hides them from the model. A JSONPath can
    # neither drop a key nor name one with an underscore, so in JSON Lines the ids stay in.
    record = settings.record
    hidden = f"$[{len(record.id)}:]" if record.format == "csv" else "$"
    source = _JOIN_SOURCES[settings.transform.join]
    return {"InputFilter": hidden, "JoinSource": source, "OutputFilter": "$"}

"""By which stage Snowflake uses S3."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from batch_transform.scoring.pipeline.fields import Section

_NAME = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"[^"\0]+")'
_STAGE = re.compile(rf"{_NAME}(?:\.{_NAME}){{0,2}}")


def _stage(value: Any) -> Any:
    if not isinstance(value, str) or not _STAGE.fullmatch(value):
        raise ValueError("must be the name of a stage, such as analytics.public.batch_transform")
    return value


class SnowflakePlace(Section):
    """By which stage Snowflake uses S3; who asks it, and where, is in the Airflow connection.

    Attributes:
        stage: name of an external stage whose URL is ``BATCH_TRANSFORM_S3_URI``, or above it:
            ``stage``, ``schema.stage`` or ``database.schema.stage``.
    """

    stage: Annotated[str, BeforeValidator(_stage)]

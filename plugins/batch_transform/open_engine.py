"""The engine that unloads a pipeline's query, from its Airflow connection."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from batch_transform.connections import Aws, athena_api, data_api
from batch_transform.scoring.pipeline import Query, RedshiftPlace, SnowflakePlace

if TYPE_CHECKING:
    from batch_transform.scoring.deployment import Deployment
    from batch_transform.scoring.pipeline import Pipeline
    from batch_transform.scoring.sources.unloaded.engine import Engine


@dataclass(frozen=True, kw_only=True)
class EnginePlace:
    """Where an engine is, in JSON values, as a trigger carries it.

    Attributes:
        conn_id: Airflow connection by which statements are sent.
        aws_conn_id: Airflow connection of the bucket into which they unload.
        unload: the pipeline's settings of it.
    """

    conn_id: str
    aws_conn_id: str
    unload: dict[str, Any]

    @classmethod
    def of(cls, pipeline: Pipeline, deployment: Deployment) -> EnginePlace | None:
        """Return the place of the engine that unloads for a pipeline; None where none does."""
        source = pipeline.settings.source
        if not isinstance(source, Query) or source.unload is None:
            return None
        return cls(
            conn_id=source.conn_id,
            aws_conn_id=deployment.aws_conn_id,
            unload=source.unload.model_dump(),
        )

    @property
    def engine(self) -> str:
        """Name of the engine, which is that of its page in docs."""
        if "stage" in self.unload:
            return "snowflake"
        return "athena" if "catalog" in self.unload else "redshift"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def open_engine(place: EnginePlace, *, hurried: bool = False) -> Engine:
    """Return the engine of a place; ``hurried`` for who is being killed."""
    if place.engine == "snowflake":
        return _snowflake(place, hurried=hurried)
    if place.engine == "athena":
        return _athena(place, hurried=hurried)
    from batch_transform.scoring.sources.unloaded.redshift import RedshiftEngine

    settings = RedshiftPlace.model_validate(place.unload)
    api = data_api(place.conn_id, settings, hurried=hurried)
    return RedshiftEngine(api, Aws(place.aws_conn_id).objects, settings.iam_role)


def _snowflake(place: EnginePlace, *, hurried: bool) -> Engine:
    from batch_transform.scoring.sources.unloaded.snowflake import SnowflakeEngine
    from batch_transform.snowflake_connection import snowflake_session

    settings = SnowflakePlace.model_validate(place.unload)
    opened = partial(snowflake_session, place.conn_id, hurried=hurried)
    return SnowflakeEngine(opened, settings.stage)


def _athena(place: EnginePlace, *, hurried: bool) -> Engine:
    from batch_transform.scoring.aws.athena_api import AthenaSettings
    from batch_transform.scoring.sources.unloaded.athena import AthenaEngine

    settings = AthenaSettings(**place.unload)
    api = athena_api(place.conn_id, settings, hurried=hurried)
    return AthenaEngine(api, Aws(place.aws_conn_id).objects)

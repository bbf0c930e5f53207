"""The engine that unloads a pipeline's query, from its Airflow connection."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from batch_transform.connections import Aws, athena_api, data_api
from batch_transform.scoring.pipeline import (
    ENGINES,
    AthenaPlace,
    EngineName,
    Query,
    RedshiftPlace,
    SnowflakePlace,
    engine_of,
)

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
    def engine(self) -> EngineName:
        """Name of the engine, which is that of its page in docs."""
        return engine_of(self.unload)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def open_engine(place: EnginePlace, *, hurried: bool = False) -> Engine:
    """Return the engine of a place; ``hurried`` for who is being killed."""
    match ENGINES[place.engine].model_validate(place.unload):
        case RedshiftPlace() as redshift:
            return _redshift(place, redshift, hurried=hurried)
        case SnowflakePlace() as snowflake:
            return _snowflake(place, snowflake, hurried=hurried)
        case AthenaPlace() as athena:
            return _athena(place, athena, hurried=hurried)
        case unknown:
            assert_never(unknown)


def _redshift(place: EnginePlace, settings: RedshiftPlace, *, hurried: bool) -> Engine:
    from batch_transform.scoring.sources.unloaded.redshift import RedshiftEngine

    api = data_api(place.conn_id, settings, hurried=hurried)
    return RedshiftEngine(api, Aws(place.aws_conn_id).objects, settings.iam_role)


def _snowflake(place: EnginePlace, settings: SnowflakePlace, *, hurried: bool) -> Engine:
    from batch_transform.scoring.sources.unloaded.snowflake import SnowflakeEngine
    from batch_transform.snowflake_connection import snowflake_session

    opened = partial(snowflake_session, place.conn_id, hurried=hurried)
    return SnowflakeEngine(opened, settings.stage)


def _athena(place: EnginePlace, settings: AthenaPlace, *, hurried: bool) -> Engine:
    from batch_transform.scoring.aws.athena_api import AthenaSettings
    from batch_transform.scoring.sources.unloaded.athena import AthenaEngine

    api = athena_api(place.conn_id, AthenaSettings(**settings.model_dump()), hurried=hurried)
    return AthenaEngine(api, Aws(place.aws_conn_id).objects)


class Statements(Protocol):
    """Statements of a connection's user: to find them, and to stop them."""

    def running_from(self, start: str) -> list[tuple[str, str]]:
        """Find those that are not over whose names begin so: id and name of each."""

    def cancel(self, statement: str) -> None:
        """Stop one; it may be over meanwhile."""


def open_statements(engine: EngineName, conn_id: str, workgroup: str = "") -> Statements:
    """Return the statements by which an engine unloads; those of Athena are of a workgroup."""
    match engine:
        case "redshift":
            from batch_transform.scoring.aws.data_api import DataApi

            return DataApi(Aws(conn_id).client("redshift-data"), {})
        case "snowflake":
            from batch_transform.scoring.snowflake.snowflake_session import StatementsOfOthers
            from batch_transform.snowflake_connection import snowflake_session

            return StatementsOfOthers(partial(snowflake_session, conn_id))
        case "athena":
            from batch_transform.scoring.aws.athena_api import AthenaSettings

            return athena_api(conn_id, AthenaSettings(workgroup=workgroup))
        case unknown:
            assert_never(unknown)

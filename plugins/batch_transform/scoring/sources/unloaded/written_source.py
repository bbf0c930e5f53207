"""A partition that another program has written as an engine would: slices, and a list of them.

What it must have written is said in docs/spark.md.
"""

from __future__ import annotations

from pydantic import ValidationError
from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing, SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipeline.filepattern import glob
from batch_transform.scoring.sources.files.picked import files_of
from batch_transform.scoring.sources.protocol import (
    Expected,
    Lines,
    Source,
    TableFunction,
    unchanged,
)
from batch_transform.scoring.sources.slices import Slice
from batch_transform.scoring.sources.unloaded.engine import Unloaded
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource


class WrittenSource(Source):
    """The files that a list names, which lies in the folder of the day, written last of all."""

    def __init__(
        self,
        objects: ObjectStore,
        reshape: TableFunction = unchanged,
        part: Slice | None = None,
    ) -> None:
        """Read from an object store, and reshape the rows; a slice alone, where there is one."""
        self._objects = objects
        self._reshape = reshape
        self._part = part

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        listed = self._listed(partition, pipeline).expected(partition, pipeline)
        return Expected(rows=listed.rows, told_by="the list of what was written")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        return self._objects.has(_list_of(partition, pipeline))

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        return self._listed(partition, pipeline).lines(partition, pipeline)

    def _listed(self, partition: Partition, pipeline: Pipeline) -> UnloadedSource:
        place = _list_of(partition, pipeline)
        try:
            Unloaded.model_validate_json(self._objects.get(place))
        except ObjectMissing as error:
            raise SourceError(
                f"There is no {place}, which is written last of all: the data have not come. Look"
                " what writes them; source.wait: 2h would wait for them"
            ) from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "all of it"
            raise SourceError(
                f"{place} is no list as docs/spark.md says ({where}: {first['msg']})"
            ) from error
        return _Listed(self._objects, place, self._part, self._reshape)


class _Listed(UnloadedSource):
    cure = "Run again what has written them"

    @property
    def _folder(self) -> S3Uri:
        return S3Uri(self._list.bucket, self._list.key.rpartition("/")[0] + "/")


def _list_of(partition: Partition, pipeline: Pipeline) -> S3Uri:
    return glob(files_of(pipeline).files, partition.day).start

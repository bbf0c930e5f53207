"""What each of the transform jobs is sent that score a partition."""

from __future__ import annotations

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import RunLayout


def sent_to_jobs(
    whole: ExtractIndex, layout: RunLayout, objects: ObjectStore
) -> list[ExtractIndex]:
    """Return what each job of a partition is sent; one without records is none."""
    if whole.jobs == 1:
        return [whole] if whole.shards else []
    bodies = [objects.get(each.index) for each in layout.of_jobs(whole.jobs)]
    return [index for index in map(ExtractIndex.from_json, bodies) if index.shards]

"""How far a job is."""

from batch_transform.scoring.jobs.progress import measure
from tests.factories import a_shard, an_index


class Counted(list):
    """A list that counts how often somebody walks through it."""

    walks = 0

    def __iter__(self):
        self.walks += 1
        return super().__iter__()


def test_what_is_missing_is_read_once_however_many_shards_there_are():
    index = an_index([a_shard(f"part-{number:05d}.csv") for number in range(50)])
    missing = Counted(shard.name for shard in index.shards[::2])
    progress = measure(index, missing, None, None)
    assert (progress.shards_done, progress.records_done) == (25, 250)
    assert missing.walks == 1

"""The number of rows of a file in S3, of which nothing but its end is read."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.files.parquet_format import rows_at
from batch_transform.scoring.testing import InMemoryObjects

URI = S3Uri("bucket", "unload/rows")


class Noting(InMemoryObjects):
    """Notes how much of an object is read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def tail(self, stored, size):
        found = super().tail(stored, size)
        self.read.append(len(found))
        return found


@pytest.fixture
def stored():
    objects = Noting()

    def stored(body):
        objects.put(URI, body)
        return objects, next(iter(objects.listed(URI)))

    return stored


def body_of(tmp_path, row_group_size):
    path = tmp_path / "rows"
    table = pa.table({f"column {number}": list(range(20_000)) for number in range(20)})
    parquet.write_table(table, path, row_group_size=row_group_size, compression="none")
    return path.read_bytes()


@pytest.mark.parametrize(("row_group_size", "reads"), [(20_000, 1), (200, 2)])
def test_a_footer_is_read_however_large_it_is(stored, tmp_path, row_group_size, reads):
    body = body_of(tmp_path, row_group_size)
    objects, entry = stored(body)
    assert rows_at(objects, entry) == 20_000
    assert len(objects.read) == reads
    assert max(objects.read) < len(body) / 2


@pytest.mark.parametrize("body", [b"", b"no", b"this is no Parquet at all", b"\xff" * 8])
def test_what_is_no_parquet_is_named(stored, body):
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        rows_at(*stored(body))

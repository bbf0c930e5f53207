"""An S3 whose objects are the files of a folder, and that discards what is written to it."""

from datetime import UTC, datetime

from batch_transform.scoring.aws.objects import StoredObject
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.testing import InMemoryObjects

PARTITION = "2013-06-01"


class FolderStore(InMemoryObjects):
    def __init__(self, folder, bucket):
        super().__init__()
        self._folder = folder
        self._bucket = bucket

    def listed(self, start):
        for path in sorted(self._folder.rglob("*.parquet")):
            key = f"{PARTITION}/{path.relative_to(self._folder)}"
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            uri = S3Uri(self._bucket, key)
            yield StoredObject(uri=uri, etag="", modified=at, listed_at=self.now())

    def download(self, stored, file):
        name = stored.uri.key.removeprefix(f"{PARTITION}/")
        file.write((self._folder / name).read_bytes())

    def put(self, uri, body):
        pass

    def uploads(self):
        return Discarding()


class Discarding:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def open(self, uri):
        return self

    def write(self, body):
        pass

    def close(self):
        pass

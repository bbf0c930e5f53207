"""What outlasts the process: objects, models, jobs with their tags, and logs, in a folder.

Content is written once, beside an index that is replaced whole: whoever kills the process finds the
state as it was at most a second before. A job that was running runs anew. The index is Python's own
format: it is for the same versions on the same machine, and a folder of one's own.
"""

from __future__ import annotations

import logging
import pickle
import shutil
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends
from moto.s3.models import FakeKey
from moto.sagemaker.models import sagemaker_backends

from sagemaker_local.objects import LargeKey

if TYPE_CHECKING:
    from sagemaker_local.objects import ObjectStore
    from sagemaker_local.transform.service import TransformService

_INDEX = "index.pickle"
_SETTLE_SECONDS = 1.0
_MODELS = ("_models", "model_package_groups", "model_packages", "model_package_name_mapping")
_log = logging.getLogger(__name__)


class Kept:
    """The state of a service in a folder.

    Args:
        folder: made where it is not there.
        store: the objects.
        service: the transform jobs.
    """

    def __init__(self, folder: Path, store: ObjectStore, service: TransformService) -> None:
        self._folder = folder
        self._store = store
        self._service = service
        self._names: dict[int, tuple[FakeKey, str]] = {}
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._saving = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="kept", daemon=True)
        (folder / "content").mkdir(parents=True, exist_ok=True)

    def begin(self) -> None:
        """Bring back what is kept, and keep what changes from now on."""
        index = self._folder / _INDEX
        if index.exists():
            try:
                self._restore(pickle.loads(index.read_bytes()))  # noqa: S301 - written below
            except Exception:
                _log.exception("%s cannot be read; begins with nothing", index)
        self._thread.start()

    def changed(self) -> None:
        """Say that something may have changed."""
        self._changed.set()

    def end(self) -> None:
        """Keep all once more, and nothing from then on."""
        self._ending.set()
        self._changed.set()
        self._thread.join()
        self.save()

    def save(self) -> None:
        """Keep everything as it is now."""
        with self._saving:
            document = {
                "buckets": {name: self._bucket(b) for name, b in self._buckets().items()},
                "sagemaker": {
                    region: {name: getattr(backend, name) for name in _MODELS}
                    for region, backend in sagemaker_backends[DEFAULT_ACCOUNT_ID].items()
                },
                "jobs": self._service.kept(),
                "logs": {
                    region: {name: _streams(group) for name, group in backend.groups.items()}
                    for region, backend in logs_backends[DEFAULT_ACCOUNT_ID].items()
                },
            }
            body = pickle.dumps(document)
            fresh = self._folder / f"{_INDEX}.new"
            fresh.write_bytes(body)
            fresh.replace(self._folder / _INDEX)
            self._sweep()

    def _watch(self) -> None:
        while not self._ending.is_set():
            self._changed.wait()
            self._ending.wait(_SETTLE_SECONDS)  # what changes at once is kept at once
            self._changed.clear()
            try:
                self.save()
            except Exception:  # somebody changed it meanwhile: the next time comes soon
                _log.debug("not kept", exc_info=True)
                self._changed.set()

    def _buckets(self) -> dict[str, Any]:
        buckets: dict[str, Any] = dict(self._store.backend.buckets)
        return buckets

    def _bucket(self, bucket: Any) -> list[tuple[str, dict[str, Any], bool]]:
        kept = []
        for name in list(bucket.keys):
            key = bucket.keys.get(name)
            if isinstance(key, FakeKey):
                kept.append((self._content(key), _facts(key), isinstance(key, LargeKey)))
        return kept

    def _content(self, key: FakeKey) -> str:
        """Write an object's content, once; return the name of its file."""
        known = self._names.get(id(key))
        if known is not None and known[0] is key:
            return known[1]
        name = uuid.uuid4().hex
        path = self._folder / "content" / name
        if isinstance(key, LargeKey) and key.path is not None:
            shutil.copyfile(key.path, path)
        else:
            path.write_bytes(key.value)
        self._names[id(key)] = (key, name)
        return name

    def _sweep(self) -> None:
        """Forget the objects that are gone, and their content."""
        alive = {
            id(key)
            for bucket in self._buckets().values()
            for name in list(bucket.keys)
            for key in bucket.keys.getlist(name, [])
        }
        for number in self._names.keys() - alive:
            _, name = self._names.pop(number)
            (self._folder / "content" / name).unlink(missing_ok=True)

    def _restore(self, document: dict[str, Any]) -> None:
        for bucket, objects in document["buckets"].items():
            self._store.backend.create_bucket(bucket, "us-east-1")
            for name, facts, _ in objects:
                self._place(bucket, name, facts)
        for region, models in document["sagemaker"].items():
            for name, value in models.items():
                setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][region], name, value)
        for region, groups in document["logs"].items():
            backend = logs_backends[DEFAULT_ACCOUNT_ID][region]
            for name, streams in groups.items():
                backend.ensure_log_group(name)
                for stream, events in streams.items():
                    backend.groups[name].create_log_stream(stream)
                    backend.groups[name].put_log_events(stream, events)
        self._service.resume(document["jobs"])

    def _place(self, bucket: str, name: str, facts: dict[str, Any]) -> None:
        content = self._store.new_path()
        shutil.copyfile(self._folder / "content" / name, content)
        key = self._store.new_key(bucket, facts["name"], content)
        key.__dict__.update(facts)
        self._store.place(bucket, key)
        self._names[id(key)] = (key, name)


def _facts(key: FakeKey) -> dict[str, Any]:
    """What an object is beside its content."""
    etag = key.etag.strip('"')
    names = ("name", "last_modified", "_metadata", "_storage_class", "encryption", "kms_key_id")
    return {**{each: getattr(key, each) for each in names}, "_etag": etag}


def _streams(group: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{"timestamp": each.timestamp, "message": each.message} for each in stream.events]
        for name, stream in group.streams.items()
    }

"""Listing objects while others write and delete."""

from pathlib import Path
from types import SimpleNamespace

from moto.s3.utils import _VersionedKeyStore

from sagemaker_local.objects import ObjectStore


class Vanishing(_VersionedKeyStore):
    """A bucket from which a key goes as soon as it was seen."""

    def _self_iterable(self):
        return {**self, "in/gone": None}


class Store(ObjectStore):
    """A store with that bucket alone."""

    def _bucket(self, name):
        return SimpleNamespace(keys=Vanishing())


def test_a_key_that_goes_while_others_are_listed():
    assert Store(Path()).listing("b", "in/") == []

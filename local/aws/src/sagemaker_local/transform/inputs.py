"""Which objects a job reads, and where their outputs go."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sagemaker_local.agent.plan import InputObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.objects import ObjectStore

_S3_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)
_HTTPS_URI = re.compile(r"https://[^/]+/([^/]+)/?(.*)", re.DOTALL)


class ManifestError(Exception):
    """The manifest is not what AWS documents."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The objects that a job reads.

    Args:
        objects: what to transform, in the order of their keys.
        markers: labels of folder markers, which are skipped.
    """

    objects: tuple[InputObject, ...]
    markers: tuple[str, ...] = ()


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` or path-style `https://` URI."""
    match = _S3_URI.fullmatch(uri) or _HTTPS_URI.fullmatch(uri)
    return (match[1], match[2]) if match else (uri.partition("://")[2].partition("/")[0], "")


def output_key(prefix: str, key: str, output_prefix: str, *, cut: bool = True) -> str:
    """The key of an input's output.

    What the key has after the input prefix, `.out` appended.

    Args:
        prefix: key prefix of the inputs.
        key: the input.
        output_prefix: key prefix of the outputs.
        cut: whether a prefix that ends in the middle of a name is cut at its last `/` first; one
            that is the whole key always is.
    """
    whole = prefix.endswith("/") or not prefix or key[len(prefix) : len(prefix) + 1] == "/"
    inside = not whole and (cut or key == prefix)
    start = prefix.rfind("/") + 1 if inside else len(prefix)
    return joined(output_prefix, key[start:].lstrip("/"))


def joined(output_prefix: str, relative: str) -> str:
    """The output key of a relative name."""
    folder = output_prefix.rstrip("/")
    return f"{folder}/{relative}.out" if folder else f"{relative}.out"


def find(store: ObjectStore, request: dict[str, Any], switches: Mapping[str, Any]) -> Inputs:
    """The objects that a request of CreateTransformJob names.

    Args:
        store: where they are.
        request: its checked members.
        switches: how undocumented behaviour works.

    Raises:
        NoSuchObjectError: there is no such bucket or manifest.
        ManifestError: the manifest is not a JSON array of a prefix and names.
    """
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    folder = parse_uri(request["TransformOutput"]["S3OutputPath"])[1]
    if source["S3DataType"] == "ManifestFile":
        inputs = by_manifest(store.read(*parse_uri(source["S3Uri"])), folder, switches)
    else:
        inputs = by_prefix(store, source["S3Uri"], folder, switches)
    gzip = request["TransformInput"].get("CompressionType") == "Gzip"
    if gzip and switches["gz_in_output_keys"] == "drop":
        return replace(inputs, objects=tuple(map(_without_gz, inputs.objects)))
    return inputs


def by_prefix(
    store: ObjectStore, uri: str, output_prefix: str, switches: Mapping[str, Any]
) -> Inputs:
    """All objects whose key begins with the prefix, a plain string."""
    bucket, prefix = parse_uri(uri)
    cut = switches["prefix_inside_a_name"] == "cut"
    objects, skipped = [], []
    for key, size in store.listing(bucket, prefix):
        output = output_key(prefix, key, output_prefix, cut=cut)
        item = InputObject(bucket=bucket, key=key, output_key=output)
        if key.endswith("/") and size == 0 and switches["folder_markers"] == "skip":
            skipped.append(item.label)
        else:
            objects.append(item)
    return Inputs(objects=tuple(objects), markers=tuple(skipped))


def by_manifest(document: bytes, output_prefix: str, switches: Mapping[str, Any]) -> Inputs:
    """The objects a manifest lists, in its order.

    Raises:
        ManifestError: it is not a JSON array of a prefix and names.
    """
    prefix, names = _entries(document)
    bucket, folder = parse_uri(prefix)
    before = folder if switches["manifest_output_keys"] == "whole" else ""
    if switches["manifest_duplicates"] == "once":
        names = list(dict.fromkeys(names))
    objects = tuple(
        InputObject(
            bucket=bucket,
            key=folder + name,
            output_key=joined(output_prefix, (before + name).lstrip("/")),
        )
        for name in names
    )
    return Inputs(objects=objects)


def _without_gz(item: InputObject) -> InputObject:
    plain = re.sub(r"\.gz\.out$", ".out", item.output_key)
    return replace(item, output_key=plain)


def _entries(document: bytes) -> tuple[str, list[str]]:
    try:
        entries: Any = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"it is not JSON: {error}") from error
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        raise ManifestError('it must be an array that begins with {"prefix": "s3://…"}')
    prefix, names = entries[0].get("prefix"), entries[1:]
    if not isinstance(prefix, str) or not prefix.startswith("s3://"):
        raise ManifestError('its first element must be {"prefix": "s3://…"}')
    if not all(isinstance(name, str) for name in names):
        raise ManifestError("every element after the first must be a string")
    return prefix, names

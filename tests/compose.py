"""Compose files as Docker Compose reads them: interpolated, merged, without what is not started.

https://docs.docker.com/reference/compose-file/merge/
https://docs.docker.com/reference/compose-file/interpolation/
"""

import re

import yaml


class Reset:
    """A value that the file before is to lose."""


class Override:
    """A value that takes the place of the one before, and is not merged into it."""

    def __init__(self, value):
        self.value = value


class Loader(yaml.SafeLoader):
    """Knows the two tags of Compose."""


def _override(loader, node):
    construct = {
        yaml.MappingNode: loader.construct_mapping,
        yaml.SequenceNode: loader.construct_sequence,
    }.get(type(node), loader.construct_scalar)
    more = {} if construct is loader.construct_scalar else {"deep": True}
    return Override(construct(node, **more))


Loader.add_constructor("!reset", lambda loader, node: Reset())
Loader.add_constructor("!override", _override)


def environment_of(path):
    """Read an env file: NAME=value, a value in single quotes taken as it is."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    pairs = (line.split("=", 1) for line in lines)
    return {name: value.strip("'") for name, value in pairs}


def load(*paths, environment, profiles=()):
    """Return the services that would be started, and everything else, of some files in a row."""
    merged = {}
    for path in paths:
        content = yaml.load(path.read_text(), Loader)  # noqa: S506  # a SafeLoader
        merged = _merged(merged, content)
    merged = _interpolated(_plain(merged), environment)
    merged["services"] = {
        name: service
        for name, service in merged["services"].items()
        if not service.get("profiles") or set(service["profiles"]) & set(profiles)
    }
    return merged


def _merged(before, after):
    if isinstance(after, Override):
        return after.value
    if isinstance(before, dict) and isinstance(after, dict):
        both = {**before, **{k: _merged(before.get(k), v) for k, v in after.items()}}
        return {key: value for key, value in both.items() if not isinstance(value, Reset)}
    if isinstance(before, list) and isinstance(after, list) and before != after:
        return [*before, *after]
    return after


def _plain(value):
    if isinstance(value, Override):
        return _plain(value.value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if not isinstance(v, Reset)}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _interpolated(value, environment):
    if isinstance(value, dict):
        return {key: _interpolated(each, environment) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, environment) for each in value]
    if not isinstance(value, str):
        return value

    def resolve(found):
        if found[0] == "$$":
            return "$"
        name, must = found[1], found[2]
        if must and not environment.get(name):
            raise KeyError(f"{name} is not set")
        return environment.get(name, "")

    return re.sub(r"\$\$|\$\{(\w+)(:\?[^}]*)?\}", resolve, value)

"""A YAML file of a pipeline, as plain values, with the line of each and all that is wrong with it.

YAML can do more than a settings file needs, and some of it is a trap: a key given twice silently
wins, a template that is not quoted is a mapping with a mapping for a key, an alias of itself has no
end. Nothing that is in a file makes this module raise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from batch_transform.scoring.pipeline.fields import Place

# Far above any pipeline, and read in a second; Airflow gives a DAG file thirty.
MOST_CHARACTERS = 256_000
_MOST_VALUES = 50_000  # as they would be read, aliases followed
_DEEPEST = 20
_STANDARD = "tag:yaml.org,2002:"
_MERGE = f"{_STANDARD}merge"
_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, twenty times as fast
_MAPPING, _SEQUENCE = yaml.SafeLoader.DEFAULT_MAPPING_TAG, yaml.SafeLoader.DEFAULT_SEQUENCE_TAG
_SCALARS = {f"{_STANDARD}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}
# What a YAML escape may bring in, and neither a database nor a request takes.
_UNSENDABLE = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ud800-\\udfff]")
_KINDS = {"timestamp": "date", "int": "whole number", "float": "number", "bool": "truth value"}
_QUOTE = 'quote a value that has {{ }}: "{{ name }}"'


class Document:
    """What a YAML text says.

    Attributes:
        content: the value of the whole; None where there is none.
        problems: what is wrong with it, each with its place.
    """

    def __init__(self, text: str) -> None:
        """Read a text."""
        self.content: Any = None
        self.problems: list[tuple[Place, str]] = []
        self._first_line = 1
        self._loader = yaml.SafeLoader("")
        self._root = self._composed(text)
        if self._root is not None and not self._endless(self._root):
            self.content = self._value(self._root, ())

    def line(self, place: Place) -> int:
        """Return the line of the deepest part of a place that is in the file."""
        node, line = self._root, self._first_line
        for part in place:
            key, node = _child(node, part)
            if key is None:
                break
            line = key.start_mark.line + 1
        return line

    def _composed(self, text: str) -> yaml.Node | None:
        """Compose the nodes; what libyaml refuses is read by Python, whose errors say more."""
        with suppress(yaml.YAMLError, UnicodeEncodeError):
            if self._is_deep(text):
                return None
            return yaml.compose(text, Loader=_QUICK)
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.reader.ReaderError as error:
            self._first_line = text.count("\n", 0, error.position) + 1
            what = f"has the character U+{error.character:04X}, which YAML does not allow"
        except yaml.MarkedYAMLError as error:
            self._first_line = error.problem_mark.line + 1 if error.problem_mark else 1
            begun = error.context_mark
            context = f"{error.context} in line {begun.line + 1}: " if begun else ""
            what = f"is not YAML: {context}{error.problem}"
        except RecursionError:
            what = "is nested too deeply to be read"
        self.problems.append(((), what))
        return None

    def _is_deep(self, text: str) -> bool:
        """Tell whether lists and mappings are too deep: libyaml would overflow the C stack."""
        depth = 0
        for event in yaml.parse(text, Loader=_QUICK):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                self._too_deep(event)
                return True
        return False

    def _too_deep(self, where: yaml.Node | yaml.Event) -> None:
        self._first_line = where.start_mark.line + 1 if where.start_mark else 1
        what = f"is nested more than {_DEEPEST} deep, or an alias of what it is part of"
        self.problems.append(((), what))

    def _endless(self, root: yaml.Node) -> bool:
        """Tell whether the values, aliases followed, are too many or too deep to be read."""
        values = 0
        nodes = [(root, 0)]
        while nodes and values <= _MOST_VALUES:
            node, depth = nodes.pop()
            values += 1
            if depth > _DEEPEST:
                self._too_deep(node)
                return True
            nodes += [(below, depth + 1) for below in _below(node)]
        if nodes:
            self.problems.append(((), f"has more than {_MOST_VALUES} values"))
        return bool(nodes)

    def _value(self, node: yaml.Node, place: Place) -> Any:
        if node.tag == _MAPPING and isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if node.tag == _SEQUENCE and isinstance(node, yaml.SequenceNode):
            return [self._value(each, (*place, number)) for number, each in enumerate(node.value)]
        if node.tag in _SCALARS and isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        tag = node.tag.replace(_STANDARD, "!!")
        self.problems.append((place, f"is tagged {_shown(tag)}, which no setting is"))
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        keys = [key for key, _ in node.value]
        names = [key.value for key in keys if isinstance(key, yaml.ScalarNode)]
        if len(names) < len(keys):
            self.problems.append((place, f"has a key that is no text; {_QUOTE}"))
        for name, times in Counter(names).items():
            if times > 1:
                self.problems.append(((*place, name), "is given twice"))
            self._is_sendable(name, (*place, name))
        return dict(self._items(node, place))

    def _items(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:
            if key.tag == _MERGE:
                yield from self._merged(value, place)
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                yield key.value, self._value(value, (*place, key.value))

    def _merged(self, node: yaml.Node, place: Place) -> Iterator[tuple[str, Any]]:
        """Take over the mappings behind ``<<``; of several the first wins."""
        several = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for each in reversed(several):
            if isinstance(each, yaml.MappingNode):
                yield from self._mapping(each, place).items()
            else:
                self.problems.append(((*place, "<<"), "must be a mapping, or a list of mappings"))

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        if not self._is_sendable(node.value, place):
            return None
        try:
            return self._loader.construct_object(node)
        except Exception:  # what the constructors of a bad value raise is not documented
            kind = _KINDS[node.tag.rpartition(":")[2]]
            self.problems.append((place, f"{_shown(node.value)} is not a {kind}"))
            return None

    def _is_sendable(self, text: str, place: Place) -> bool:
        if _UNSENDABLE.search(text):
            self.problems.append((place, "has a control character, or half of a surrogate pair"))
            return False
        return True


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"


def _below(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node | None, yaml.Node | None]:
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if key.value == str(part):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None, None

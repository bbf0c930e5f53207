r"""Patterns of the botocore model, which are Java's, as Python patterns.

The one difference that occurs is `\p{L}` and its like, a Unicode category inside a class.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata

_CATEGORY = re.compile(r"\\p\{([A-Z])\}")


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The Python pattern."""
    return re.compile(_CATEGORY.sub(lambda match: _members(match[1]), pattern))


@functools.cache
def _members(category: str) -> str:
    """The characters of a category, as ranges for the inside of a class."""
    ranges: list[list[int]] = []
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number))[0] != category:
            continue
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)

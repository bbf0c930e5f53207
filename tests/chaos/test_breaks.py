"""The ways in which the product is broken on purpose still break the product that there is."""

import ast

import pytest

from tests.chaos.breaks import BREAKS
from tests.project import PROJECT


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.name)
def test_a_break_changes_one_place_and_is_still_a_program(each):
    text = (PROJECT / "plugins" / "batch_transform" / each.file).read_text()
    assert text.count(each.words) == 1
    if each.file.endswith(".py"):
        ast.parse(text.replace(each.words, each.instead))

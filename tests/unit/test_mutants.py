"""The small changes that mutation testing makes, and what it leaves alone."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.mutants.changes import mutants_of
from tests.mutants.modules import MODULES

PROJECT = Path(__file__).parents[2]
SCORING = PROJECT / "plugins" / "batch_transform" / "scoring"


def changes(body):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return [mutant.change for mutant in mutants_of(f"def work(a, b):\n{lines}\n")]


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("return a < b", ["a < b → a <= b"]),
        ("return a <= b < a", ["a <= b < a → a < b < a", "a <= b < a → a <= b <= a"]),
        ("return a and b", ["a and b → a or b"]),
        ("return not a", ["not a → a"]),
        ("return a + b", ["a + b → a - b"]),
        ("return a[1]", ["a[1] → a[2]"]),
        ("return max(a, True)", ["max(a, True) → min(a, True)", "max(a, True) → max(a, False)"]),
        ("return a['key']", ["a['key'] → a['XXkey']"]),
        ("return f'{a}-{b}'", ["f'{a}-{b}' → f'{a}-{b}XX'"]),
        ("return a if b else None", ["a if b else None → a if not b else None"]),
        ("a.append(b)", ["a.append(b) → if False: a.append(b)"]),
        ("yield a", ["yield a → if False: yield a"]),
        ("a += b", ["a += b → pass"]),
        ("raise ValueError(a + 1)", ["raise ValueError(a + 1) → pass"]),
        ("while a: break", ["a → not a", "break → continue"]),
        ("if a < b: return\nif a < b: return", ["a < b → a <= b", "a < b → a <= b (2)"]),
    ],
)
def test_each_change_is_made_by_itself(body, made):
    assert changes(body) == made


@pytest.mark.parametrize(
    "body",
    [
        "'Words for people.'",
        "return f'{a + 1} of {b} rows'",
        "return zip(a, b, strict=True)",
        "c: list[1] = a",
        "assert a < b",
    ],
)
def test_words_annotations_and_what_holds_anyway_are_left_alone(body):
    assert changes(body) == []


def test_only_functions_are_changed():
    text = "LIMIT = 1\nclass Kept:\n    size: int = 2\n    @cache(3)\n    def work(self, a=4):\n"
    assert [each.change for each in mutants_of(text + "        return 5\n")] == [
        "return 5 → return 6"
    ]


def test_what_is_listed_as_equivalent_is_a_change_that_is_made_and_says_why():
    listed = yaml.safe_load((PROJECT / "tests" / "mutants" / "equivalent.yaml").read_text())
    for module, functions in listed.items():
        assert module in MODULES
        made = {(each.function, each.change) for each in mutants_of((SCORING / module).read_text())}
        for function, reasons in functions.items():
            assert {(function, change) for change in reasons} <= made
            assert all(len(reason.split()) > 3 for reason in reasons.values())


FORKS = """
import tempfile
from types import SimpleNamespace
from tests.mutants import forks, quick

option = SimpleNamespace(basetemp="the same for all")
quick.pytest_configure(SimpleNamespace(option=option))
print(option.basetemp, tempfile.gettempdir(), *forks._answers([tempfile.gettempdir] * 2))
"""


def test_no_fork_removes_the_temporary_files_of_another():
    run = subprocess.run(
        [sys.executable, "-c", FORKS], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    basetemp, shared, *own = run.stdout.split()
    assert basetemp == "None"
    assert len({shared, *own}) == 3
    assert not any(Path(each).exists() for each in own)

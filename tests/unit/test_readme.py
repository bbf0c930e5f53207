"""The README's commands and links."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()
LINKED = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def test_every_command_in_a_code_block_is_a_target_that_make_can_plan():
    commands = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    targets = [line.removeprefix("make ") for block in commands for line in block.splitlines()]
    assert targets == ["demo", "test"]
    for target in [*targets, "up", "setup", "help"]:
        planned = subprocess.run(
            ["make", "--dry-run", target], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert planned.returncode == 0, planned.stderr


def test_make_help_names_every_target():
    makefile = (PROJECT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    shown = subprocess.run(
        ["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"^  make ([\w-]+)", shown, re.MULTILINE) == phony


@pytest.mark.parametrize("page", LINKED, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_ci_runs_exactly_the_readmes_test_command():
    assert (PROJECT / ".ci" / "run").read_text().splitlines()[-1] == "make test"


def test_the_table_of_a_run_has_the_tasks_in_their_order():
    from batch_transform.tasks import TASKS, tasks_of

    section = README.partition("## A run")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert rows == [task.task_id for task in tasks_of(1)]
    for task in TASKS:
        assert f"`{task.task_id}`" in section
    drawn = re.findall(r"\w\[(\w+)\]", section)
    assert drawn == rows

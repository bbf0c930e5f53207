"""The documentation: its links lead somewhere, its commands exist, every error has its section."""

import re
import shlex

import click
import pytest
import typer
import yaml

from batch_transform.cli.program import command_line
from batch_transform.scoring import errors
from tests.project import PROJECT

DOCS = PROJECT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def kinds(tree=errors.ScoringError):
    return {kind for below in tree.__subclasses__() for kind in {below, *kinds(below)}}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = page.parent / path if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@pytest.mark.parametrize("kind", sorted(kinds(), key=lambda kind: kind.__name__))
def test_every_error_has_the_section_that_its_message_links_to(kind):
    page, _, anchor = kind.page.fget(kind.__new__(kind)).partition("#")
    assert anchor in anchors(PROJECT / page)
    _, _, section = (PROJECT / page).read_text().partition(f"### {kind.__name__}\n")
    words = section.partition("\n### ")[0]
    assert all(word in words for word in ("Seen:", "Look:", "Cure:"))


def test_every_page_is_in_the_site_and_every_entry_is_a_page():
    class Loader(yaml.SafeLoader):
        """Reads what mkdocs writes for Python's names as nothing."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    site = yaml.load((PROJECT / "mkdocs.yml").read_text(), Loader)  # noqa: S506  # a SafeLoader
    assert {each for entry in site["nav"] for each in entry.values()} == {p.name for p in PAGES}


def shown_commands():
    texts = [path.read_text() for path in (*PAGES, PROJECT / "README.md")]
    blocks = [block for text in texts for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)]
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("batch-transform ")})


@pytest.mark.parametrize("line", shown_commands())
def test_a_command_of_the_docs_exists_with_its_flags(line):
    group = typer.main.get_command(command_line())
    _, name, *words = shlex.split(line)
    command = group.get_command(click.Context(group), name)
    assert command is not None, name
    command.make_context(name, words)


def test_every_command_is_in_its_page():
    group = typer.main.get_command(command_line())
    page = (DOCS / "command-line.md").read_text()
    for name in group.list_commands(click.Context(group)):
        assert f"| `{name}" in page, name


def named_tests(page):
    return re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (DOCS / page).read_text())


def test_each_guarantee_names_tests_and_each_of_them_exists():
    text = (DOCS / "guarantees.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) == 6
    for section in sections:
        says, how, held = (section.find(f"**{word}") for word in ("Says", "How", "Held by"))
        assert 0 < says < how < held
        assert re.search(r"`tests/[\w/]+\.py::\w+`", section[held:])
    for path, name in named_tests("guarantees.md"):
        source = (PROJECT / path).read_text()
        assert name, path
        assert re.search(rf"^(def {name}\(|{name} = )", source, re.MULTILINE), f"{path}::{name}"


def test_each_row_of_the_comparison_is_measured_by_what_there_is_or_cited():
    text = (DOCS / "comparison.md").read_text()
    stock = "".join(path.read_text() for path in (PROJECT / "tests/integration").glob("*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in stock, name
    assert all((PROJECT / path).is_file() for path, _ in named_tests("comparison.md"))
    table = [line for line in text.splitlines() if line.startswith("| ")][1:]
    for line in table:
        assert re.search(r"`test_|\]\(https://|`make |`tests/", line), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_benchmark_of_the_docs_exists(page):
    benches = "".join(path.read_text() for path in (PROJECT / "tests/bench").glob("*_bench.py"))
    for name in re.findall(r"make bench ROW=([\w-]+)", page.read_text()):
        assert f'"{name}' in benches, name

"""What somebody gets who installs this and nothing else of the repository."""

import ast
import re
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import sagemaker_local
from sagemaker_lab import environments

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "sagemaker_local").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The interpreter of an environment with the distribution and pytest alone."""
    source = tmp_path_factory.mktemp("source") / "aws"
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)  # a build may leave files beside it
    return environments.make(tmp_path_factory.mktemp("venv"), source, "pytest")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder with the examples and no project around it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def clean(folder):
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)}


def test_the_example_passes_and_shows_its_output(installed, elsewhere):
    command = [installed, "-m", "pytest", "-s", "examples"]
    shown = environments.run(*command, cwd=elsewhere, env=clean(elsewhere))
    assert "a,3\nb,70\nc,0.75\n" in shown
    assert "1 passed" in shown


def test_the_program_knows_its_version(installed, elsewhere):
    program = installed.with_name("sagemaker-local")
    shown = environments.run(program, "--version", cwd=elsewhere, env=clean(elsewhere))
    assert shown == f"{sagemaker_local.__version__}\n"


def test_it_ships_its_types(installed, elsewhere):
    text = "import sagemaker_local, pathlib; print(pathlib.Path(sagemaker_local.__file__).parent)"
    package = Path(environments.run(installed, "-c", text, cwd=elsewhere).strip())
    assert "site-packages" in package.parts
    assert (package / "py.typed").exists()


def top_level_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def test_it_declares_what_it_imports():
    declared = {re.match(r"[\w-]+", each)[0] for each in PROJECT["dependencies"]}
    imported = {name for path in SOURCES for name in top_level_imports(path)}
    imported -= {*sys.stdlib_module_names, "sagemaker_local", "_typeshed"}
    imported.remove("pytest")  # by the plugin, which pytest loads
    assert {"pyyaml" if name == "yaml" else name for name in imported} == declared


def test_the_changelog_has_an_entry_for_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[?{re.escape(sagemaker_local.__version__)}\b", text, re.MULTILINE)


def test_the_installed_metadata_names_the_plugin_and_no_test_tools():
    own = metadata.distribution("sagemaker-local")
    assert own.version == sagemaker_local.__version__
    assert [each.name for each in own.entry_points if each.group == "pytest11"] == [
        "sagemaker_local"
    ]
    assert not [each for each in own.requires if each.startswith(("pytest", "hypothesis"))]

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


README = (ROOT / "README.md").read_text()
# The README's two minutes, line by line: an installation, a folder, a run of pytest.
INSTALL, FOLDER, RUN = re.search(r"```console\n(pip install .*?)```", README, re.DOTALL)[
    1
].splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The interpreter of an environment with what the README installs, and nothing else."""
    source = tmp_path_factory.mktemp("source") / "aws"
    # The tests are no part of it, and missing from the laptop's image.
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    packages = INSTALL.removeprefix("pip install ").split()
    packages[packages.index("./local/aws")] = source
    return environments.make(tmp_path_factory.mktemp("venv"), *packages)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder with the examples, and no settings of pytest from a project around it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "pytest.ini").write_text("[pytest]\n")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def clean(folder):
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)}


def test_the_example_passes_and_shows_its_output(installed, elsewhere):
    assert FOLDER == "cd local/aws"
    shown = environments.run(installed, "-m", *RUN.split(), cwd=elsewhere, env=clean(elsewhere))
    promised = re.search(r"```text\n(.*?)```", README, re.DOTALL)[1]
    assert promised == "a,3\nb,70\nc,0.75\n"
    assert promised in shown
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
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["redshift"]]
    declared = {re.match(r"[\w-]+", each)[0] for each in wanted}
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

"""The house: who may import whom, and where things lie."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = {
    # package: folder, and the project's packages it may import
    "dags": (PROJECT / "dags", {"batch_transform", "include"}),
    "batch_transform": (PROJECT / "plugins", {"batch_transform", "include"}),
    "include": (PROJECT / "include", {"include"}),
    "local": (PROJECT / "local", {"local"}),
}
PACKAGES = {*ROOMS, "tests"}
EDGES = {"airflow": {"dags", "batch_transform"}}


def imported_packages(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import of {node.module}"
            yield node.module.split(".")[0]


def sources(folder):
    return sorted(path for path in folder.rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_imports_only_what_it_may(room):
    folder, allowed = ROOMS[room]
    assert sources(folder)
    for path in sources(folder):
        strangers = set(imported_packages(path)) & PACKAGES - allowed
        assert not strangers, f"{path.relative_to(PROJECT)} imports {strangers}"


@pytest.mark.parametrize("room", sorted(set(ROOMS) - EDGES["airflow"]))
def test_only_the_edges_import_airflow(room):
    folder, _ = ROOMS[room]
    importers = [path for path in sources(folder) if "airflow" in imported_packages(path)]
    assert importers == []


def test_airflow_executes_one_plugin_file_and_no_other():
    from airflow._shared.module_loading.file_discovery import find_path_from_directory

    plugins = PROJECT / "plugins"
    executed = find_path_from_directory(str(plugins), ".airflowignore", "glob")
    executed = {Path(path).relative_to(plugins) for path in executed if path.endswith(".py")}
    assert executed == {Path("batch_transform_plugin.py")}


def test_no_module_passes_three_hundred_lines():
    long = {
        str(path.relative_to(PROJECT)): lines
        for folder, _ in ROOMS.values()
        for path in sources(folder)
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}

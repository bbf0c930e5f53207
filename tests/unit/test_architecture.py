"""The house: who may import whom, and where things lie."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PLUGINS = PROJECT / "plugins"
SCORING = PLUGINS / "batch_transform" / "scoring"
AWS = PROJECT / "local" / "aws"
HOUSES = {
    # package: folder, and the project's packages it may import
    "dags": (PROJECT / "dags", {"batch_transform"}),
    "batch_transform": (PLUGINS, {"batch_transform"}),
    "local": (PROJECT / "local", {"local", "sagemaker_local"}),
    "sagemaker_local": (AWS / "src", {"sagemaker_local"}),
    "sagemaker_lab": (AWS / "tests", {"sagemaker_lab", "sagemaker_local"}),
}
# What the stack's Airflow runs as its own; no module of the laptop.
SETTINGS = PROJECT / "local" / "airflow_local_settings.py"
PACKAGES = {*HOUSES, "include", "tests"}
# The rooms of scoring from the top to the ground: each may import those below it.
FLOORS = [
    {"testing", "pipelines", "drafts", "tuning", "retention"},
    {"reports"},
    {"planning", "publish", "permissions", "capacity"},
    {"recovery", "warehouse"},
    {"outputs"},
    {"jobs"},
    {"extract"},
    {"sources"},
    {"records"},
    {"asked"},
    {"pipeline"},
    {"aws", "snowflake"},
    {"deployment", "partition"},
    {"kinds", "names", "queries", "frozen", "scratch", "statement_text"},
    {"errors"},
]


# Names that two modules may have, since they mean the same in both rooms.
SHARED_NAMES = {
    "extract": "the task, and its work",
    "load": "the task, and its work",
    "plan": "the task, what it makes, and the command that shows it",
    "reconcile": "the task, and its work",
    "report": "the task, and its work",
    "memory": "what a task's tries leave for the next, and its fake",
    "protocol": "what a room asks of what it is given",
    "schema": "of pipeline.yaml, and the command that writes it",
}
DEEPEST = 16


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import of {node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_packages(path):
    return {module.split(".")[0] for module in imported_modules(path)}


def sources(folder):
    """The modules below a folder; the distribution in `local/aws` is no part of `local`."""
    below_aws = AWS.is_relative_to(folder)
    return sorted(
        path
        for path in folder.rglob("*.py")
        if path != SETTINGS and not (below_aws and path.is_relative_to(AWS) and path.parent != AWS)
    )


@pytest.mark.parametrize("house", HOUSES)
def test_each_house_imports_only_what_it_may(house):
    folder, allowed = HOUSES[house]
    assert sources(folder)
    for path in sources(folder):
        strangers = imported_packages(path) & PACKAGES - allowed
        assert not strangers, f"{path.relative_to(PROJECT)} imports {strangers}"


def floor_of(room):
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_every_room_of_scoring_has_a_floor():
    rooms = {path.stem for path in SCORING.iterdir() if path.name[0] not in "._" or path.is_dir()}
    assert rooms - {"__pycache__"} == set().union(*FLOORS)


def test_inside_scoring_imports_lead_downwards():
    for path in sources(SCORING):
        room = path.relative_to(SCORING).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for module in imported_modules(path):
            if not module.startswith("batch_transform.scoring."):
                continue
            other = module.split(".")[2]
            assert other == room or floor_of(other) > floor_of(room), f"{path} imports {module}"


def module_of(path):
    return ".".join(path.relative_to(PLUGINS).with_suffix("").parts).removesuffix(".__init__")


def test_a_name_stands_for_one_thing():
    stems = [path.stem for path in sources(PLUGINS) if path.stem not in {"__init__", "__main__"}]
    assert {stem for stem in stems if stems.count(stem) > 1} == set(SHARED_NAMES)


def test_from_a_dag_file_to_the_ground_it_is_not_far():
    paths = {module_of(path): path for path in sources(PLUGINS)}

    @cache
    def steps_below(path):
        found = set(imported_modules(path))
        found |= {name.rpartition(".")[0] for name in found - set(paths)}
        return 1 + max(map(steps_below, {paths[n] for n in found & set(paths)} - {path}), default=0)

    depths = {path.name: steps_below(path) for path in sources(PROJECT / "dags")}
    assert max(depths.values()) <= DEEPEST, depths


def test_only_the_package_around_scoring_imports_airflow():
    assert [path for path in sources(SCORING) if "airflow" in imported_packages(path)] == []
    for path in sources(SCORING):
        airflow_side = [
            module
            for module in imported_modules(path)
            if module.startswith("batch_transform.")
            and not module.startswith("batch_transform.scoring")
        ]
        assert airflow_side == [], f"{path} imports {airflow_side}"


def test_include_holds_what_a_user_writes_and_nothing_else():
    assert [path.name for path in (PROJECT / "include").iterdir()] == ["pipelines"]


def test_airflow_executes_one_plugin_file_and_no_other():
    from airflow._shared.module_loading.file_discovery import find_path_from_directory

    executed = find_path_from_directory(str(PLUGINS), ".airflowignore", "glob")
    executed = {Path(path).relative_to(PLUGINS) for path in executed if path.endswith(".py")}
    assert executed == {Path("batch_transform_plugin.py")}


def test_no_module_passes_three_hundred_lines():
    long = {
        str(path.relative_to(PROJECT)): lines
        for house, (folder, _) in HOUSES.items()
        if house != "sagemaker_lab"  # these are tests
        for path in sources(folder)
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_the_page_of_the_architecture_has_every_room_and_no_file_that_is_not_there():
    page = (PROJECT / "docs" / "architecture.md").read_text()
    for room in set().union(*FLOORS):
        assert f"`{room}`" in page, room
    package = PLUGINS / "batch_transform"
    named = set(re.findall(r"`(\w+)/?`", page))
    parts = {each.stem for each in package.iterdir() if each.suffix in ("", ".py")}
    assert {part for part in parts - named if not part.startswith("_")} == set()
    for path in re.findall(r"`(?!\+)([\w/]+\.(?:py|toml))`", page):
        places = (PROJECT, package, SCORING)
        assert any((place / path).exists() for place in places), path
    for path in re.findall(r"`\+ ([\w/]+\.py)`", page):
        assert not (package / path).exists(), f"{path} is there: it is no example any more"

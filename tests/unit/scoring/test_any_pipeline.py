"""Whatever is in a pipeline folder, it is a pipeline or a list of problems, each with its line."""

import os
import re

import pytest

from batch_transform.scoring import pipelines
from batch_transform.scoring.errors import PipelineInvalid
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipelines import read_all, read_pipeline
from tests.unit.scoring.test_pipelines import QUERY, VALID, folder, problems_of

__all__ = ["folder"]

TYPE = "  instance_type: ml.m5.large\n"
SIZE = "must be a number of bytes, such as 64MB, 1.5GB or 64000000"
DAY = "must be a day from 1900 to 2199, written as 2013-06-01"
DURATION = "must be a whole number and a unit, at most 28d"
BAD = "must be a share below 100%, such as 0.1%, or a count, such as 25"
ZONE = "schedule.timezone: must be an IANA name of a time zone"
DEEP = "is nested more than 20 deep, or an alias of what it is part of"
LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("2013-06-01", "2013-02-30", "pipeline.yaml:4: start_date: '2013-02-30' is not a date"),
        ("2013-06-01", "20130601", f"start_date: {DAY}, not 20130601"),
        ("2013-06-01", "0001-01-01", f"start_date: {DAY}, not 0001-01-01"),
        ("2013-06-01", "9999-12-31", f"start_date: {DAY}, not 9999-12-31"),
        ("2013-06-01", "2013-06-01 00:00:00", f"start_date: {DAY}, not 2013-06-01 00:00:00"),
        ("count: 2", "count: !!int two", "min_count: 'two' is not a whole number"),
        ("count: 2", f"count: {'9' * 5000}", "is not a whole number"),
        ("count: 2", f"count: {'9' * 400}", "shards.min_count: must be at most 10000, not 99"),
        ("count: 2", "count: true", "shards.min_count: must be a whole number, not true"),
        ("instance_count: 2", "instance_count: true", "must be a whole number, not true"),
        ("orchard", "{{ x }}", 'pipeline.yaml:2: owner: has a key that is no text; quote a value'),
        ("owner: orchard", "? [a]\n: b\nowner: me", "the file: has a key that is no text; quote a"),
        ("orchard", "5", "owner: must be a text, quoted where it looks like something else, not 5"),
        ("orchard", r'"\0"', "owner: has a control character, or half of a surrogate pair"),
        ("orchard", r'"\ud800"', "owner: has a control character, or half of a surrogate pair"),
        ("orchard", "!!binary aGk=", "owner: is tagged '!!binary', which no setting is"),
        ("orchard", "!!python/name:os.system", "owner: is tagged '!!python/name:os.system', whi"),
        ("orchard", "&a [*a]", f"pipeline.yaml:2: the file: {DEEP}"),
        ("orchard", "[" * 200_000, f"pipeline.yaml:2: the file: {DEEP}"),
        ("orchard", "- " * 100_000, "pipeline.yaml:2: the file: is not YAML: sequence entries"),
        ("orchard", "{a: " * 50_000, f"pipeline.yaml:2: the file: {DEEP}"),
        # libyaml refuses the escape before it comes to what is deep.
        ("orchard", r'["\ud800", ' + "[" * 1000, ":1: the file: is nested too deeply to be read"),
        ("orchard", f"{'[' * 30}{']' * 30}", f"pipeline.yaml:2: the file: {DEEP}"),
        (VALID, LAUGHS, "pipeline.yaml:1: the file: has more than 50000 values"),
        (VALID, "- a", "pipeline.yaml:1: the file: must be a mapping of settings, such as 'owner"),
        (VALID, "# nothing", "pipeline.yaml:1: the file: must be a mapping of settings, such as"),
        (VALID, f"a: {'x' * 256_000}", "pipeline.yaml: has more than 256000 characters"),
        (VALID, "a: 1\n---\nb: 2", "pipeline.yaml:2: the file: is not YAML: expected a single do"),
        (TYPE, f"{TYPE}  overrides: {{DataProcessing: null}}\n", ".DataProcessing: is null"),
        (TYPE, f"{TYPE}  overrides: {{TransformInput: a/b}}\n", "is 'a/b'; it must be a mapping"),
        (TYPE, f"{TYPE}  overrides: {{TransformResources: null}}\n", "Resources: is null"),
        (TYPE, f"{TYPE}  overrides: {{Volume: 5}}\n", "yaml:17: transform.overrides.Volume: is"),
        (TYPE, f"{TYPE}  environment: {{A: 1}}\n", "transform.environment.A: must be a text, "),
        (TYPE, f"{TYPE}  overrides: {{a: &a [*a]}}\n", f"pipeline.yaml:17: the file: {DEEP}"),
        (TYPE, f"{TYPE}  overrides:\n", "overrides: must be a mapping of names to settings, not n"),
        ("90m", "1000000000d", f"limits.deadline: {DURATION}"),
        ("90m", "0s", f"limits.deadline: {DURATION}"),
        ("deadline: 90m", "bad_records: .inf", f"limits.bad_records: {BAD}, not inf"),
        ("deadline: 90m", "bad_records: true", f"limits.bad_records: {BAD}, not true"),
        ("deadline: 90m", "diagnose_jobs: -1", "limits.diagnose_jobs: must be at least 0, not -1"),
        ("64MB", "'64,5MB'", f"shards.max_bytes: {SIZE}, not '64,5MB'"),
        ("64MB", "1.5.5GB", f"shards.max_bytes: {SIZE}, not '1.5.5GB'"),
        ("64MB", "true", f"shards.max_bytes: {SIZE}, not true"),
        ("at: -1", "at: yes", "sweetness.at: must be an index such as -1, or a quoted path such"),
        ("min: 0", "min: .nan", "predictions.sweetness.min: must be a number, not nan"),
        ("min: 0", "min: false", "predictions.sweetness.min: must be a number, not false"),
        ("min: 0", "min: 2", "predictions.sweetness.min: is 2.0, above max, which is 1.0"),
        ("America/New_York", "localtime", f"{ZONE}, such as America/New_York, not 'localtime'"),
        ("America/New_York", "Factory", f"{ZONE}, such as America/New_York, not 'Factory'"),
        ("America/New_York", "right/UTC", f"{ZONE}, such as America/New_York, not 'right/UTC'"),
        ("features.sql", r'"a\0b"', "source.sql: has a control character"),
        ("features.sql", "../secret.sql", "source.sql: must be the name of a file in the pipeline"),
        ("features.sql", "f.sql\n  identifers: {}", "source.identifers: is not a setting of a pip"),
        ("predictions.apples", "batch_transform_ledger", "target.table: must be another table: th"),
        ("ml.m5.large", "ml.m5.huge", "pipeline.yaml:16: transform.instance_type: is 'ml.m5.huge'"),
    ],
)  # fmt: skip
def test_a_value_that_only_yaml_takes_is_one_problem_with_its_line(folder, old, new, problem):
    assert old in VALID
    (folder / "pipeline.yaml").write_text(VALID.replace(old, new, 1))
    assert problem in problems_of(folder)
    assert len(problems_of(folder).splitlines()) == 1


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ("{geq_to: 0.9, leq_to: 0.1}", ".geq_to: is 0.9, above leq_to, which is 0.1"),
        ("{geq_to: 2}", ".geq_to: is above predictions.sweetness.max, so no mean can meet it"),
        ("{leq_to: -1}", ".leq_to: is below predictions.sweetness.min, so no mean can meet it"),
        ("{leq: 1}", ".leq: is not a setting of a pipeline; did you mean leq_to?"),
        ("5", ": must be a mapping with level, geq_to, leq_to"),
        ("{}", ": a mean is held to geq_to, leq_to, or both"),
    ],
)
def test_a_check_that_nothing_can_meet_is_refused(folder, checks, problem):
    changed = f"{VALID}checks:\n  mean:\n    sweetness: {checks}\n"
    (folder / "pipeline.yaml").write_text(changed)
    assert problems_of(folder) == f"pipeline.yaml:26: checks.mean.sweetness{problem}"


@pytest.mark.parametrize(
    ("identifiers", "problem"),
    [
        ("{tree: garden.tree, tee: x}", "pipeline.yaml:8: source.identifiers.tee: is not used"),
        (
            "{tree: a; b}",
            "source.identifiers.tree: must be a name such as schema.table, not 'a; b'",
        ),
        ("{}", "features.sql: {{ tree }}: source.identifiers has no tree"),
        ("{tree: 5}", "pipeline.yaml:8: source.identifiers.tree: must be a text"),
    ],
)
def test_an_identifier_is_a_name_that_the_query_has(folder, identifiers, problem):
    (folder / "features.sql").write_text(f"{QUERY} AND EXISTS (SELECT FROM {{{{ tree }}}})")
    changed = VALID.replace("features.sql", f"features.sql\n  identifiers: {identifiers}")
    (folder / "pipeline.yaml").write_text(changed)
    assert problem in problems_of(folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def reshape(frame):\n    return (frame\n", "reshape.py: line 2: '(' was never closed"),
        (
            "def reshaped(frame):\n    return frame\n",
            "reshape.py: does not define reshape(frame: p",
        ),
        ("def reshape():\n    return None\n", "reshape.py: line 1: it must be a function of"),
        ("async def reshape(frame):\n    pass\n", "reshape.py: line 1: it must be a function"),
        ("x = '\0'\n", "reshape.py: line 1: source code string cannot contain null bytes"),
        ("\n", "reshape.py: is empty"),
        (f"x = {'-' * 50_000}1\n", "reshape.py: is nested too deeply to be read"),
    ],
)
def test_a_reshape_that_cannot_be_called_is_refused_without_running_it(folder, text, problem):
    (folder / "reshape.py").write_text(text)
    assert problem in problems_of(folder)


@pytest.mark.parametrize(
    "text",
    [
        "def reshape(frame):\n    return frame\n",
        "from ours import reshape\n",
        "from ours import nightly as reshape\n",
        "from ours import *\n",
        "reshape = wrapped(lambda frame: frame)\n",
        "raise SystemExit\ndef reshape(frame): ...\n",
    ],
)
def test_a_reshape_is_not_run_when_the_dag_is_parsed(folder, text):
    (folder / "reshape.py").write_text(text)
    assert read_pipeline(folder).reshape == folder / "reshape.py"


def test_what_is_wrong_between_sections_comes_with_what_is_wrong_in_others(folder):
    text = VALID.replace("orchard", "{{ x }}").replace("min_count: 2", "min_count: 1")
    text = text.replace("90m", "soon").replace("picked_on", "apple_id")
    text = text.replace(TYPE, f"{TYPE}  overrides: {{Volume: 5}}\n")
    (folder / "pipeline.yaml").write_text(text)
    (folder / "features.sql").write_text("SELECT 1 WHERE t >= :partition_start")
    assert [problem.split(": ")[:2] for problem in problems_of(folder).splitlines()] == [
        ["pipeline.yaml:2", "owner"],
        ["pipeline.yaml:10", "record.id.0"],
        ["pipeline.yaml:13", "shards.min_count"],
        ["pipeline.yaml:24", "limits.deadline"],
        ["pipeline.yaml:17", "transform.overrides.Volume"],
        ["features.sql", "uses neither :partition, the day, nor both :partition_start and"
         " :partition_end, its bounds; every run would score the same rows"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("strategy:", "stategy:", "pipeline.yaml:18: transform.stategy: is not a setting of a"),
        ("owner:", "Owner:", "pipeline.yaml:2: Owner: is not a setting of a pipeline; did you"),
        ("conn_id: warehouse\n", "con_id: warehouse\n", "source.con_id: is not a setting of a"),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(folder, old, new, meant):
    (folder / "pipeline.yaml").write_text(VALID.replace(old, new, 1))
    assert meant in problems_of(folder)
    assert f"did you mean {old.partition(':')[0]}?" in problems_of(folder)


def test_utf8_with_a_mark_is_read_and_other_encodings_are_named(folder):
    for name in ("pipeline.yaml", "features.sql"):
        (folder / name).write_text((folder / name).read_text(), encoding="utf-8-sig")
    assert read_pipeline(folder).query == QUERY
    for name in ("pipeline.yaml", "features.sql"):
        (folder / name).write_text((folder / name).read_text("utf-8-sig"), encoding="utf-16")
        assert f"{name}: is not UTF-8; save it as UTF-8" in problems_of(folder)
        (folder / name).write_text((folder / name).read_text("utf-16"), encoding="utf-8")


@pytest.mark.parametrize("name", ["pipeline.yaml", "features.sql", "contract.yaml", "reshape.py"])
def test_what_cannot_be_read_as_a_file_is_named(folder, name):
    path = folder / name
    path.unlink(missing_ok=True)
    path.symlink_to(path)
    assert f"{name}: cannot be read: Too many levels of symbolic links" in problems_of(folder)
    path.unlink()
    path.mkdir()
    assert f"{name}: cannot be read: it is not a file" in problems_of(folder)
    path.rmdir()
    os.mkfifo(path)  # opening it would wait for ever
    assert f"{name}: cannot be read: it is not a file" in problems_of(folder)


@pytest.mark.parametrize("name", ["batch_transform", "batch_transform_janitor"])
def test_the_names_of_the_packages_own_dags_are_reserved(folder, name):
    assert "is the package's own" in problems_of(folder.rename(folder.parent / name))


def test_links_that_lead_nowhere_are_reported_and_the_others_read(folder):
    (folder.parent / "loop").symlink_to("loop")
    (folder.parent / "nowhere").symlink_to("gone")
    apples, loop, nowhere = read_all(folder.parent)
    assert isinstance(apples, Pipeline)
    assert loop.problems[0] == "pipeline.yaml: cannot be read: Too many levels of symbolic links"
    assert nowhere.problems[0] == "pipeline.yaml: cannot be read: No such file or directory"


@pytest.fixture
def several(folder):
    """Three pipelines with targets of their own."""
    for name in ("pears", "plums"):
        (folder.parent / name).mkdir()
        (folder.parent / name / "features.sql").write_text(QUERY)
        text = VALID.replace("predictions.apples", f"predictions.{name}")
        (folder.parent / name / "pipeline.yaml").write_text(text)
    return folder.parent


def test_pipelines_with_one_target_are_all_refused_and_name_each_other(several):
    text = (several / "pears" / "pipeline.yaml").read_text()
    for name, table in (("pears", "public.fruit"), ("plums", "fruit")):
        changed = text.replace("predictions.pears", table)
        (several / name / "pipeline.yaml").write_text(changed)
    apples, pears, plums = read_all(several)
    assert isinstance(apples, Pipeline)
    line = "pipeline.yaml:22: target.table: is the target of {}, too; each pipeline needs a table"
    assert pears.problems[0].startswith(line.format("plums"))
    assert plums.problems[0].startswith(line.format("pears"))


def test_a_mistake_of_ours_is_a_problem_of_one_pipeline(several, monkeypatch):
    class Broken(pipelines.Document):
        def __init__(self, text):
            if "pears" in text:
                raise ZeroDivisionError("it\nbroke")
            super().__init__(text)

    monkeypatch.setattr(pipelines, "Document", Broken)
    apples, pears, plums = read_all(several)
    assert isinstance(apples, Pipeline)
    assert isinstance(plums, Pipeline)
    assert isinstance(pears, PipelineInvalid)
    assert pears.problems == (
        "pipeline.yaml:1: the file: cannot be read: ZeroDivisionError: it broke",
    )


def test_more_problems_than_anybody_reads_are_counted(folder):
    surplus = "".join(f"setting{number}: 1\n" for number in range(200))
    (folder / "pipeline.yaml").write_text(VALID + surplus)
    with pytest.raises(PipelineInvalid) as refusal:
        read_pipeline(folder)
    assert len(refusal.value.problems) == 51
    assert refusal.value.problems[-1] == "pipeline.yaml:1: the file: 150 problems more"


def test_a_problem_never_holds_what_a_database_would_not_take(folder):
    (folder / "pipeline.yaml").write_text(VALID + '"\\0\\n": 1\n')
    assert re.fullmatch(r"[\x20-\x7e\n]+", problems_of(folder))

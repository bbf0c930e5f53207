"""The JSON Schema of pipeline.yaml: what editors are told, and what is documented."""

import copy
import json
from datetime import date

import pytest
import yaml
from jsonschema import Draft7Validator

from batch_transform.scoring.errors import PipelineInvalid
from batch_transform.scoring.pipeline.schema import schema
from batch_transform.scoring.pipelines import pipeline_folders, read_pipeline
from tests import reference
from tests.fuzz import mutated
from tests.project import PIPELINES, PROJECT
from tests.unit.scoring.conftest import SETTINGS, merged

SCHEMA = schema()


def as_an_editor_reads(value):
    """YAML 1.2 has no dates: an editor sees their text."""
    if isinstance(value, dict):
        return {name: as_an_editor_reads(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_an_editor_reads(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def underlined(content):
    """Where an editor underlines a file, and what it says."""
    errors = Draft7Validator(SCHEMA).iter_errors(as_an_editor_reads(content))
    return [(".".join(map(str, error.path)), error.message) for error in errors]


def test_the_schema_is_one():
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("folder", pipeline_folders(PIPELINES), ids=lambda path: path.name)
def test_no_shipped_pipeline_is_underlined(folder):
    assert underlined(yaml.safe_load((folder / "pipeline.yaml").read_text())) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"ovner": "me"}, ""),
        ({"schedule": {"at": "25:00"}}, "schedule.at"),
        ({"schedule": {"at": 120}}, "schedule.at"),
        ({"start_date": "last year"}, "start_date"),
        ({"shards": {"max_bytes": "64,5MB"}}, "shards.max_bytes"),
        ({"shards": {"min_count": 0}}, "shards.min_count"),
        ({"transform": {"instance_count": 101}}, "transform.instance_count"),
        ({"transform": {"strategy": "Multi"}}, "transform.strategy"),
        ({"transform": {"stratgy": "MultiRecord"}}, "transform"),
        ({"record": {"features": []}}, "record.features"),
        ({"record": {"id": ["a b"]}}, "record.id.0"),
        ({"predictions": {"no name": {"at": -1}}}, "predictions"),
        ({"predictions": {"sweetness": {"at": -1, "type": "float"}}}, "predictions.sweetness.type"),
        ({"limits": {"deadline": 90}}, "limits.deadline"),
        ({"limits": {"deadline": "ninety minutes"}}, "limits.deadline"),
        ({"limits": {"bad_records": "0,1%"}}, "limits.bad_records"),
        ({"checks": {"null_share": {"leq_to": -0.1}}}, "checks.null_share.leq_to"),
        ({"checks": {"mean": {"sweetness": {"leq": 1}}}}, "checks.mean.sweetness"),
        ({"source": {"sql": "features.sql", "files": "s3://b/{{ partition }}"}}, "source"),
    ],
)
def test_a_mistake_is_underlined_where_it_is(changes, place):
    assert underlined(SETTINGS) == []
    assert place in [where for where, _ in underlined(merged(SETTINGS, changes))]


@pytest.mark.parametrize("section", ["owner", "source", "transform", "target"])
def test_what_must_be_given_is_missed(section):
    content = {name: value for name, value in SETTINGS.items() if name != section}
    assert [message for _, message in underlined(content)] == [
        f"'{section}' is a required property"
    ]


def test_whatever_is_a_pipeline_is_not_underlined(tmp_path):
    valid = 0
    for seed in range(250):
        name, text = mutated(seed)
        (tmp_path / name).mkdir(exist_ok=True)
        for file in (PIPELINES / name).iterdir():
            (tmp_path / name / file.name).write_text(file.read_text())
        (tmp_path / name / "pipeline.yaml").write_bytes(text.encode())
        try:
            read_pipeline(tmp_path / name)
        except PipelineInvalid:
            continue
        valid += 1
        assert underlined(yaml.safe_load(text)) == [], f"seed {seed}:\n{text}"
    assert valid >= 5


def test_every_setting_says_what_it_means():
    def check(place, part):
        if "properties" in part:
            for name, setting in part["properties"].items():
                assert setting["description"].strip(), f"{place}.{name}"
        for name, inner in part.get("definitions", {}).items():
            check(name, inner)

    check("pipeline.yaml", copy.deepcopy(SCHEMA))


def test_defaults_are_spelled_as_in_the_file():
    limits = SCHEMA["definitions"]["Limits"]["properties"]
    assert (limits["deadline"]["default"], limits["bad_records"]["default"]) == ("6h", "0.1%")
    shards = SCHEMA["definitions"]["Shards"]["properties"]
    assert shards["max_bytes"]["default"] == "64MB"
    assert SCHEMA["definitions"]["RowCount"]["properties"]["tolerance"]["default"] == "50%"
    assert "default" not in SCHEMA["definitions"]["Shards"]["properties"]["max_records"]


def test_the_published_schema_is_the_models():
    published = (PROJECT / "docs" / "pipeline.schema.json").read_text()
    assert json.loads(published) == SCHEMA, "run `make reference`"


def test_the_page_of_settings_says_what_the_model_says():
    page = reference.PAGE.read_text()
    assert reference.with_the_models_words(page) == page, "run `make reference`"
    assert reference.undocumented(page) == []


@pytest.mark.parametrize("folder", pipeline_folders(PIPELINES), ids=lambda path: path.name)
def test_a_shipped_pipeline_names_its_schema_in_its_first_line(folder):
    first = (folder / "pipeline.yaml").read_text().partition("\n")[0]
    _, _, path = first.partition("# yaml-language-server: $schema=")
    assert (folder / path).resolve() == PROJECT / "docs" / "pipeline.schema.json"

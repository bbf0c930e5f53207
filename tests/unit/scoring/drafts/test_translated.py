"""What a CreateTransformJob request becomes, and what of it a person is told."""

import pytest

from batch_transform.scoring.drafts.elsewhere import of_job
from batch_transform.scoring.drafts.jobs import FoundJob
from batch_transform.scoring.drafts.literal import Unknown
from batch_transform.scoring.drafts.translated import translated
from batch_transform.scoring.jobs.request import build
from batch_transform.scoring.pipeline import PipelineFile
from tests.unit.scoring.conftest import SETTINGS, merged
from tests.unit.scoring.test_request import GOVERNED

ABOUT = {name: SETTINGS[name] for name in ("description", "owner", "schedule", "start_date")}


def nested(path, value):
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def one(path, value):
    return translated(nested(path, value))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"transform": {"strategy": "SingleRecord", "max_concurrent_transforms": 9}},
        {"transform": {"join": "line", "max_payload_mb": 10}, "record": {"compression": "gzip"}},
        {"transform": GOVERNED},
        {"transform": {"overrides": {"ModelClientConfig": {"InvocationsMaxRetries": 1}}}},
        {"record": {"id": ["orchard", "apple_id"]}},
    ],
)
def test_the_request_of_a_pipeline_is_translated_back_to_its_settings(changes):
    settings = merged(SETTINGS, changes)
    made = translated(build(PipelineFile.model_validate(settings)))
    assert made.hidden == len(settings["record"]["id"])
    for section in ("transform", "model"):
        given = {**PipelineFile.model_validate(settings).model_dump()[section]}
        back = PipelineFile.model_validate({**settings, section: made.settings[section]})
        assert back.model_dump()[section] == given
    assert made.settings["record"]["format"] == "csv"
    assert made.settings["record"]["compression"] == settings["record"].get("compression", "none")


@pytest.mark.parametrize(
    ("path", "value", "note"),
    [
        ("TransformInput.SplitType", "RecordIO", "SplitType RecordIO is not to be had"),
        ("TransformInput.ContentType", "image/png", "'image/png' is no format of records"),
        ("TransformInput.ContentType", "application/json", "is told application/jsonlines"),
        ("MaxPayloadInMB", 0, "max_payload_mb stays at its default: 0 would send chunks"),
        ("MaxConcurrentTransforms", 0, "0 leaves it to the service"),
        ("TransformOutput.S3OutputPath", "s3://b/out", "and are loaded into the target, not at s3"),
        ("DataProcessing.InputFilter", "$", "the model saw every column"),
        ("DataProcessing.OutputFilter", "$[0,-1]", "OutputFilter $[0,-1] is kept"),
        ("TransformInput.DataSource.S3DataSource.S3Uri", "local.csv", "which is no place in S3"),
        ("ExperimentConfig", {"TrialName": "x"}, "ExperimentConfig was left out"),
        ("Environment", {"TOKEN": "x"}, "see that no secret is in it"),
        ("Volume.Size", 5, "Volume.Size has no setting and was left out: 5"),
        ("ModelName", Unknown("name()"), "ModelName is `name()`, which only a run of the file"),
        ("Environment", {"A": Unknown("x")}, "which only a run of the file would show"),
    ],
)
def test_what_cannot_be_translated_is_said(path, value, note):
    notes = one(path, value).notes
    assert any(note in each for each in notes), notes


def test_another_accept_is_an_override():
    request = nested("TransformInput.ContentType", "text/csv")
    made = translated({**request, **nested("TransformOutput.Accept", "application/json")})
    assert made.settings["transform"]["overrides"] == {
        "TransformOutput": {"Accept": "application/json"}
    }


def draft(**request):
    return of_job("apples", FoundJob(line=1, by="a request", request=request), ABOUT)


@pytest.mark.parametrize(
    ("place", "pattern"),
    [
        ("s3://lake/in", "s3://lake/in/{{ partition }}/*"),
        ("s3://lake/in/", "s3://lake/in/{{ partition }}/*"),
        ("s3://lake/in/all.csv", "s3://lake/in/{{ partition }}/*.csv"),
        ("s3://lake/in/{{ ds }}/", "s3://lake/in/{{ partition }}/*"),
        ("s3://lake/in/{{ ds }}.csv", "s3://lake/in/{{ partition }}.csv"),
        ("s3://lake/{{ ds_nodash }}/", "s3://lake/{{ year }}{{ month }}{{ day }}/*"),
    ],
)
def test_the_data_of_a_job_become_a_pattern_that_says_which_day(place, pattern):
    data = {"DataSource": {"S3DataSource": {"S3Uri": place}}, "ContentType": "text/csv"}
    made = draft(TransformInput=data)
    assert made.settings["source"]["files"] == pattern
    assert made.query == ""
    said = [note for note in made.notes if "every time" in note]
    assert len(said) == ("{{" not in place)
    PipelineFile.model_validate(made.settings)


def test_whatever_a_job_leaves_open_is_a_valid_pipeline_with_notes():
    made = draft()
    settings = PipelineFile.model_validate(made.settings)
    assert settings.model.name == "my-model"
    assert "FROM my_schema.my_table" in made.query
    assert [note for note in made.notes if "correct" in note] == [
        "a job does not say which table it scores: correct features.sql",
        "model.name was not found, and is my-model: correct it",
        "transform.instance_type was not found, and is ml.m5.large: correct it",
        "transform.strategy was not found, and is MultiRecord: correct it",
        "a job does not say its columns: correct record.id, record.features and predictions",
        "a job writes to no table: correct target",
    ]


def test_each_instance_has_a_shard():
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 3}
    assert draft(TransformResources=resources).settings["shards"] == {"min_count": 3}

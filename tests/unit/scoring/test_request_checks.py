"""What would be refused is refused before it is sent, all of it at once."""

import copy
from dataclasses import replace

import pytest

from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.jobs.request import build
from batch_transform.scoring.jobs.request_checks import check, setting_problems
from tests.unit.scoring.jobs.conftest import JOB

GOOD = {
    "TransformJobName": "apples-2013-06-01-0123456789ab",
    "ModelName": "apples",
    "MaxConcurrentTransforms": 4,
    "MaxPayloadInMB": 6,
    "TransformInput": {
        "DataSource": {
            "S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/manifest.json"}
        },
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {
        "S3OutputPath": "s3://bucket/output",
        "Accept": "text/csv",
        "AssembleWith": "Line",
    },
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$"},
}
BAD = [
    # path, value, what is said
    ("MaxPayloadInMB", 26, "MaxPayloadInMB x MaxConcurrentTransforms is 104; the service allows"),
    ("MaxPayloadInMB", -1, "MaxPayloadInMB is -1; at least 0"),
    ("MaxPayloadInMB", "6", "MaxPayloadInMB is '6'; it must be a whole number"),
    ("TransformJobName", "a_b", "TransformJobName is 'a_b', which does not match"),
    ("TransformJobName", "a" * 64, "TransformJobName is 64 long; at most 63"),
    ("BatchStrategy", "Many", "BatchStrategy is 'Many'; it is one of MultiRecord, SingleRecord"),
    ("ModelName", None, "ModelName is null, which no field can be"),
    ("Volume", 5, "Volume is not a field of CreateTransformJob"),
    ("Environment", {str(n): "x" for n in range(17)}, "Environment is 17 long; at most 16"),
    ("Environment", {"A-B": "x"}, "Environment.A-B is 'A-B', which does not match"),
    ("Environment", {"A": 1}, "Environment.A is 1; it must be a text"),
    ("Tags", [{"Key": f"k{n}", "Value": ""} for n in range(41)], "Tags may have 40 entries"),
    ("ModelClientConfig.InvocationsMaxRetries", 4, "InvocationsMaxRetries is 4; at most 3"),
    (
        "TransformInput.SplitType",
        "RecordIO",
        "TransformInput.SplitType is RecordIO; it must be Line",
    ),
    ("TransformInput.ContentType", "text/libsvm", "the service takes text/csv, application/json"),
    ("TransformOutput.Accept", "application/json", "they must be equal"),
    (
        "DataProcessing.InputFilter",
        "$[0" + ",1" * 31 + "]",
        "DataProcessing.InputFilter is 66 long; at most 63",
    ),
    ("DataProcessing.InputFilter", "$['a_b']", "letters, digits and"),
    ("DataProcessing.InputFilter", "[1:]", "begins with $"),
    ("DataProcessing.InputFilter", "$[0,5:]", "a range has its brackets to itself"),
    ("DataProcessing.InputFilter", "$[0:2,246:]", "a range has its brackets to itself"),
    ("DataProcessing.OutputFilter", "$.score", "CSV has columns by number"),
    ("TransformResources.InstanceCount", 3, "but there are 2 shards"),
    ("TransformResources.InstanceCount", 0, "InstanceCount is 0; at least 1"),
    ("TransformResources.InstanceType", "large", "InstanceType is 'large', which botocore"),
]


def with_change(path, value):
    request = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    here = request
    for part in parents:
        here = here.setdefault(part, {})
    here[last] = value
    return request


def test_a_good_request_passes():
    check(GOOD, shards=2)


@pytest.mark.parametrize(("path", "value", "text"), BAD)
def test_a_bad_request_is_refused_in_plain_words(path, value, text):
    with pytest.raises(RequestRefused) as error:
        check(with_change(path, value), shards=2)
    assert text in str(error.value)


@pytest.mark.parametrize("kind", ["ml.g4dn.xlarge", "ml.g5.xlarge"])
def test_a_volume_key_goes_with_no_local_disk(kind):
    request = with_change("TransformResources.VolumeKmsKeyId", "alias/key")
    check(request, shards=2)
    request["TransformResources"]["InstanceType"] = kind
    with pytest.raises(RequestRefused, match="encrypts itself"):
        check(request, shards=2)


def test_an_instance_type_that_may_come_later_is_checked_now():
    with pytest.raises(
        RequestRefused,
        match=r"InstanceType is 'ml\.m5\.huge', which botocore .* knows \d+, such as ml\.m5\.l",
    ):
        check(GOOD, shards=2, kinds=["ml.m5.large", "ml.m5.huge"])


def test_all_problems_come_at_once():
    request = with_change("MaxPayloadInMB", 60)
    request["DataProcessing"]["InputFilter"] = "$['a_b']"
    request["TransformOutput"]["Accept"] = "text/plain"
    with pytest.raises(RequestRefused) as error:
        check(request, shards=1)
    assert len(str(error.value).splitlines()) == 6


def test_each_of_several_problems_is_a_line_as_it_is_by_itself():
    changes = {"MaxPayloadInMB": -1, "ModelName": "a b"}

    def problems(*names):
        with pytest.raises(RequestRefused) as error:
            check({**GOOD, **{name: changes[name] for name in names}}, shards=2)
        return str(error.value).splitlines()[1:]

    alone = [*problems("MaxPayloadInMB"), *problems("ModelName")]
    assert sorted(problems("ModelName", "MaxPayloadInMB")) == sorted(alone)


@pytest.mark.parametrize("kind", ["ml.m5.large", "ml.g5.xlarge"])
def test_without_a_key_any_disk_will_do_and_with_one_the_field_is_named(kind):
    request = with_change("TransformResources.InstanceType", kind)
    check(request, shards=2)
    request["TransformResources"]["VolumeKmsKeyId"] = "alias/key"
    request["TransformResources"]["InstanceType"] = "ml.g5.xlarge"
    with pytest.raises(RequestRefused, match=r"\n  TransformResources\.VolumeKmsKeyId cannot"):
        check(request, shards=2)


def test_names_in_a_filter_of_json_lines_are_fine():
    request = with_change("TransformInput.ContentType", "application/jsonlines")
    request["TransformOutput"]["Accept"] = "application/jsonlines"
    request["DataProcessing"]["OutputFilter"] = "$['id','SageMakerOutput']"
    check(request, shards=2)


def test_as_many_tags_as_are_allowed_leave_room_for_the_packages_own(make_pipeline):
    settings = make_pipeline(transform={"tags": {f"k{n}": "" for n in range(40)}}).settings
    assert list(setting_problems(settings)) == []
    made = replace(JOB, request={**GOOD, "Tags": build(settings)["Tags"]}).to_create(1, 0)
    check(made, shards=2)
    assert len(made["Tags"]) == 44


def test_overrides_may_not_take_the_job_away(make_pipeline):
    overrides = {
        "ModelName": "x",
        "TransformOutput": {"S3OutputPath": "s3://elsewhere", "KmsKeyId": "alias/key"},
        "TransformInput": {"DataSource": {}},
        "Environment": {"A": "1"},
        "Tags": [],
        "DataCaptureConfig": {"DestinationS3Uri": "s3://bucket/captured"},
        "TransformResources": {"VolumeKmsKeyId": "alias/key"},
        "MaxPayloadInMB": 7,
    }
    settings = make_pipeline(transform={"overrides": overrides}).settings
    refused = {
        ".".join(place): what
        for place, what in setting_problems(settings)
        if what.startswith("cannot be overridden: ")
    }
    assert refused == {
        "transform.overrides.ModelName": "cannot be overridden: name the model in model.name",
        "transform.overrides.MaxPayloadInMB": "cannot be overridden: set transform.max_payload_mb",
        "transform.overrides.TransformInput.DataSource": "cannot be overridden: the job reads the"
        " manifest of its run",
        "transform.overrides.TransformOutput.S3OutputPath": "cannot be overridden: the outputs are"
        " looked for where the run keeps its objects",
        "transform.overrides.TransformOutput.KmsKeyId": "cannot be overridden: set"
        " transform.kms_key, which the shards have as well",
        "transform.overrides.TransformResources.VolumeKmsKeyId": "cannot be overridden: set"
        " transform.volume_kms_key",
        "transform.overrides.Environment": "cannot be overridden: set transform.environment",
        "transform.overrides.Tags": "cannot be overridden: set transform.tags",
        "transform.overrides.DataCaptureConfig": "cannot be overridden: set transform.data_capture",
    }


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"DataProcessing": None}, "DataProcessing: is null, which no field can be"),
        ({"TransformInput": "text/csv"}, "TransformInput: is 'text/csv'; it must be a mapping"),
        ({"TransformResources": None}, "TransformResources: is null, which no field can be"),
        ({"DataProcessing": {"InputFilter": 5}}, "DataProcessing.InputFilter: is 5; it must be a"),
        ({"Enviroment": {}}, "Enviroment: is not a field of CreateTransformJob; did you mean"),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "MaxRetries: is 4; at most 3"),
    ],
)  # fmt: skip
def test_an_override_that_is_no_field_is_refused_where_it_is(make_pipeline, overrides, problem):
    settings = make_pipeline(transform={"overrides": overrides}).settings
    ((place, what),) = setting_problems(settings)
    assert problem in f"{'.'.join(place)}: {what}"


def test_what_an_override_makes_wrong_elsewhere_is_refused_where_another_would_mend_it(
    make_pipeline,
):
    overrides = {"TransformInput": {"ContentType": "application/json"}}
    settings = make_pipeline(transform={"overrides": overrides}).settings
    ((place, what),) = setting_problems(settings)
    assert place == ("transform", "overrides", "TransformOutput", "Accept")
    assert what.startswith("is 'text/csv' and TransformInput.ContentType is 'application/json'")


def test_each_instance_type_that_there_is_not_is_refused_where_it_is(make_pipeline):
    kinds = {"instance_type": None, "instance_types": ["ml.m5.large", "ml.m5.huge"]}
    ((place, what),) = setting_problems(make_pipeline(transform=kinds).settings)
    assert place == ("transform", "instance_types", 1)
    assert what.startswith("is 'ml.m5.huge', which botocore ")


@pytest.mark.parametrize(
    ("settings", "place", "what"),
    [
        (
            {"environment": {f"V{n}": "" for n in range(17)}},
            "environment",
            "is 17 long; at most 16",
        ),
        ({"environment": {"V": "x" * 10_241}}, "environment", "is 10241 long; at most 10240"),
        ({"tags": {f"t{n}": "" for n in range(41)}}, "tags", "may have 40 entries"),
        ({"tags": {"team": "a|b"}}, "tags", "is 'a|b', which does not match"),
    ],
)
def test_what_the_service_refuses_of_a_setting_is_refused_there(
    make_pipeline, settings, place, what
):
    ((where, said),) = setting_problems(make_pipeline(transform=settings).settings)
    assert where == ("transform", place)
    assert what in said


@pytest.mark.parametrize(("path", "value", "_"), BAD)
def test_a_problem_names_its_field_in_a_line_of_its_own(path, value, _):
    with pytest.raises(RequestRefused) as error:
        check(with_change(path, value), shards=2)
    first, *lines = str(error.value).splitlines()
    assert first == "SageMaker would refuse the transform job:"
    assert all(line.startswith("  ") for line in lines)
    assert any(line.startswith(f"  {path}") for line in lines)


@pytest.mark.parametrize(
    ("at_once", "megabytes", "is_fine"),
    [(4, 25, 1), (101, 1, 0), (None, 60, 1), (None, 101, 0), (16, None, 1), (17, None, 0)],
)
def test_a_hundred_megabytes_may_be_in_flight(at_once, megabytes, is_fine):
    sizes = {"MaxConcurrentTransforms": at_once, "MaxPayloadInMB": megabytes}
    request = {name: value for name, value in {**GOOD, **sizes}.items() if value is not None}
    if is_fine:
        check(request, shards=2)
    else:
        with pytest.raises(RequestRefused, match="the service allows 100"):
            check(request, shards=2)


def test_without_a_count_of_instances_nothing_is_said_of_shards():
    request = copy.deepcopy(GOOD)
    del request["TransformResources"]["InstanceCount"]
    with pytest.raises(RequestRefused) as error:
        check(request, shards=1)
    assert "shards" not in str(error.value)


def test_other_problems_than_a_types_are_told_beside_several_types(make_pipeline):
    kinds = {"instance_type": None, "instance_types": ["ml.m5.large", "ml.m5.xlarge"]}
    settings = make_pipeline(transform={**kinds, "environment": {"V": "x" * 10_241}}).settings
    assert [place for place, _ in setting_problems(settings)] == [("transform", "environment")]

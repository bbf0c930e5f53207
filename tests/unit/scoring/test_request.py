import hashlib
from dataclasses import replace

import pytest

from batch_transform.scoring.extract.index import Portion
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.names import S3Uri
from tests.factories import a_shard, an_index

MANIFEST = S3Uri.parse("s3://bucket/manifest.json")
OUTPUT = S3Uri.parse("s3://bucket/output/g1")


def index_of(*digests):
    return an_index(a_shard(records_sha256=digest) for digest in digests)


def test_a_csv_request_hides_the_ids_from_the_model_and_joins(make_pipeline):
    pipeline = make_pipeline(
        record={"id": ["orchard_id", "apple_id"], "compression": "gzip"},
        shards={"min_count": 2},
        transform={"instance_count": 2, "max_concurrent_transforms": 4},
    )
    built = request.build(pipeline.settings)
    assert request.writing(request.reading(built, MANIFEST), OUTPUT) == {
        "ModelName": "apples",
        "BatchStrategy": "MultiRecord",
        "MaxConcurrentTransforms": 4,
        "MaxPayloadInMB": 6,
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "ManifestFile",
                    "S3Uri": "s3://bucket/manifest.json",
                }
            },
            "ContentType": "text/csv",
            "CompressionType": "Gzip",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": "s3://bucket/output/g1",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "DataProcessing": {"InputFilter": "$[2:]", "JoinSource": "Input", "OutputFilter": "$"},
    }


def test_a_json_lines_request_sends_the_whole_record(make_jsonl_pipeline):
    built = request.build(make_jsonl_pipeline().settings)
    assert built["TransformInput"]["ContentType"] == "application/jsonlines"
    assert built["TransformOutput"]["Accept"] == "application/jsonlines"
    assert built["TransformInput"]["CompressionType"] == "None"
    assert built["DataProcessing"]["InputFilter"] == "$"


GOVERNED = {
    "kms_key": "alias/runs",
    "volume_kms_key": "alias/volumes",
    "environment": {"OMP_NUM_THREADS": "1"},
    "tags": {"team": "orchard", "cost-centre": "7"},
    "data_capture": {
        "destination": "s3://audit/captured",
        "kms_key": "alias/audit",
        "inference_id": True,
    },
}


def test_keys_tags_variables_and_capture_are_in_the_request(make_pipeline):
    built = request.build(make_pipeline(transform=GOVERNED).settings)
    assert built["TransformOutput"]["KmsKeyId"] == "alias/runs"
    assert built["TransformResources"]["VolumeKmsKeyId"] == "alias/volumes"
    assert built["Environment"] == {"OMP_NUM_THREADS": "1"}
    assert built["Tags"] == [
        {"Key": "team", "Value": "orchard"},
        {"Key": "cost-centre", "Value": "7"},
    ]
    assert built["DataCaptureConfig"] == {
        "DestinationS3Uri": "s3://audit/captured",
        "KmsKeyId": "alias/audit",
        "GenerateInferenceId": True,
    }
    placed = request.writing(request.reading(built, MANIFEST), OUTPUT)
    check({"TransformJobName": "apples", **placed}, shards=1)


def test_overrides_are_merged_last_and_deep(make_pipeline):
    overrides = {
        "ModelClientConfig": {"InvocationsMaxRetries": 1},
        "DataProcessing": {"OutputFilter": "$[-1]"},
        "BatchStrategy": "SingleRecord",
    }
    built = request.build(make_pipeline(transform={"overrides": overrides}).settings)
    assert built["ModelClientConfig"] == {"InvocationsMaxRetries": 1}
    assert built["DataProcessing"]["OutputFilter"] == "$[-1]"
    assert built["DataProcessing"]["JoinSource"] == "Input"
    assert built["BatchStrategy"] == "SingleRecord"


def test_the_checks_take_the_request(make_pipeline, make_jsonl_pipeline):
    for pipeline in (make_pipeline(), make_jsonl_pipeline()):
        built = request.reading(request.build(pipeline.settings), MANIFEST)
        check({"TransformJobName": "apples", **request.writing(built, OUTPUT)}, shards=1)


MODEL = ModelFacts(name="apples", identity=["apples", [{"Image": "trees:1"}], ""], isolated=False)
TYPES = ("ml.m5.large",)


def digest(pipeline, index, model=MODEL, types=TYPES):
    return request.digest(request.build(pipeline.settings), index, model, types)


def test_equal_content_has_one_digest_and_any_change_another(make_pipeline):
    index = index_of("aa", "bb")
    first = digest(make_pipeline(), index)
    assert digest(make_pipeline(owner="somebody else"), index) == first
    others = [
        digest(make_pipeline(), index_of("aa")),
        digest(make_pipeline(), index_of("bb", "aa")),
        digest(make_pipeline(), index, replace(MODEL, identity=["pears", [], ""])),
        digest(make_pipeline(transform={"max_payload_mb": 5}), index),
        digest(make_pipeline(transform={"environment": {"A": "1"}}), index),
        digest(make_pipeline(transform={"data_capture": GOVERNED["data_capture"]}), index),
        digest(make_pipeline(), index, types=("ml.m5.large", "ml.m5.xlarge")),
    ]
    assert len({first, *others}) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"kms_key": "alias/runs"},
        {"volume_kms_key": "alias/volumes"},
        {"tags": {"team": "orchard"}},
        {"data_capture": {"destination": "s3://audit/captured", "kms_key": "alias/audit"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_no_prediction_pays_for_no_other_job(make_pipeline, change):
    index = index_of("aa")
    changed = make_pipeline(transform=change)
    assert request.build(changed.settings) != request.build(make_pipeline().settings)
    assert digest(changed, index) == digest(make_pipeline(), index)


def test_the_digest_is_of_what_is_sent_and_not_of_where_it_lies(make_pipeline):
    built = request.build(make_pipeline().settings)
    index = index_of("aa")
    placed = request.reading(built, MANIFEST)
    assert request.digest(placed, index, MODEL, TYPES) == request.digest(
        request.reading(built, MANIFEST / "elsewhere"), index, MODEL, TYPES
    )
    cheaper = request.with_instances(built, InstanceType="ml.m5.xlarge")
    assert request.digest(cheaper, index, MODEL, TYPES) == digest(make_pipeline(), index)


def test_the_compressor_does_not_enter_the_digest(make_pipeline):
    packed = [a_shard(body=body, records_sha256="aa") for body in (b"1\n", b"1\n2\n")]
    assert len({digest(make_pipeline(), an_index([shard])) for shard in packed}) == 1


# What a digest is over, in the order of its keys. Whoever changes it renames every job, and each
# partition would be paid again: that is a new major version of the package.
RECIPE = """
{"model":["apples",[{"Image":"trees:1"}],""],
"package":0,
"records":["aa","bb"],
"request":{
"BatchStrategy":"MultiRecord",
"DataProcessing":{"InputFilter":"$[1:]","JoinSource":"Input","OutputFilter":"$"},
"MaxConcurrentTransforms":1,
"MaxPayloadInMB":6,
"ModelName":"apples",
"TransformInput":{"CompressionType":"None","ContentType":"text/csv","DataSource":null,"SplitType":"Line"},
"TransformOutput":{"Accept":"text/csv","AssembleWith":"Line"},
"TransformResources":{"InstanceCount":1,"InstanceType":["ml.m5.large"]}}}
"""


def test_the_recipe_of_a_digest_does_not_change(make_pipeline):
    expected = hashlib.sha256(RECIPE.replace("\n", "").encode()).hexdigest()
    assert digest(make_pipeline(), index_of("aa", "bb")) == expected


@pytest.mark.parametrize("major", [0, 1])
def test_a_major_version_of_the_package_is_another_digest(make_pipeline, monkeypatch, major):
    before = digest(make_pipeline(), index_of("aa"))
    monkeypatch.setattr(request, "PACKAGE_MAJOR_VERSION", major)
    assert (digest(make_pipeline(), index_of("aa")) == before) is (major == 0)


def test_the_same_records_in_a_job_of_another_number_are_another_job(make_pipeline):
    built = request.build(make_pipeline().settings)
    whole = index_of("aa")
    first, second = (
        whole.model_copy(update={"portion": Portion(job=number, of_records=9)})
        for number in range(2)
    )
    grown = first.model_copy(update={"portion": Portion(job=0, of_records=10)})
    digests = [
        request.digest(built, each, MODEL, ["ml.m5.large"]) for each in (whole, first, second)
    ]
    assert len(set(digests)) == 3
    assert request.digest(built, grown, MODEL, ["ml.m5.large"]) == digests[1]

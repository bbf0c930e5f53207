from dataclasses import replace

import pytest

from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.jobs.request_checks import check
from tests.factories import a_shard, an_index

PLACES = request.JobPlaces(
    manifest="s3://bucket/manifest.json",
    output="s3://bucket/output",
)


def index_of(*digests):
    return an_index(a_shard(records_sha256=digest) for digest in digests)


def test_a_csv_request_hides_the_ids_from_the_model_and_joins(make_pipeline):
    pipeline = make_pipeline(
        record={"id": ["orchard_id", "apple_id"], "compression": "gzip"},
        shards={"min_count": 2},
        transform={"instance_count": 2, "max_concurrent_transforms": 4},
    )
    assert request.build(pipeline.settings, PLACES) == {
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
            "S3OutputPath": "s3://bucket/output",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "DataProcessing": {"InputFilter": "$[2:]", "JoinSource": "Input", "OutputFilter": "$"},
    }


def test_a_json_lines_request_sends_the_whole_record(make_jsonl_pipeline):
    built = request.build(make_jsonl_pipeline().settings, PLACES)
    assert built["TransformInput"]["ContentType"] == "application/jsonlines"
    assert built["TransformOutput"]["Accept"] == "application/jsonlines"
    assert built["TransformInput"]["CompressionType"] == "None"
    assert built["DataProcessing"]["InputFilter"] == "$"


def test_overrides_are_merged_last_and_deep(make_pipeline):
    overrides = {
        "Environment": {"OMP_NUM_THREADS": "1"},
        "TransformOutput": {"KmsKeyId": "alias/key"},
        "BatchStrategy": "SingleRecord",
    }
    built = request.build(make_pipeline(transform={"overrides": overrides}).settings, PLACES)
    assert built["Environment"] == {"OMP_NUM_THREADS": "1"}
    assert built["TransformOutput"]["KmsKeyId"] == "alias/key"
    assert built["TransformOutput"]["Accept"] == "text/csv"
    assert built["BatchStrategy"] == "SingleRecord"


def test_the_checks_take_the_request(make_pipeline, make_jsonl_pipeline):
    for pipeline in (make_pipeline(), make_jsonl_pipeline()):
        check({"TransformJobName": "apples", **request.build(pipeline.settings, PLACES)}, shards=1)


MODEL = ModelFacts(name="apples", content=[{"Image": "trees:1"}], isolated=False)


def test_equal_content_has_one_digest_and_any_change_another(make_pipeline):
    digest = request.digest(make_pipeline(), index_of("aa", "bb"), MODEL)
    same = request.digest(make_pipeline(owner="somebody else"), index_of("aa", "bb"), MODEL)
    assert digest == same
    other_model = replace(MODEL, name="pears")
    anew = replace(MODEL, content=[{"Image": "trees:2"}])
    several = {"instance_type": None, "instance_types": ["ml.m5.large", "ml.m5.xlarge"]}
    others = [
        request.digest(make_pipeline(), index_of("aa"), MODEL),
        request.digest(make_pipeline(), index_of("bb", "aa"), MODEL),
        request.digest(make_pipeline(), index_of("aa", "bb"), other_model),
        request.digest(make_pipeline(), index_of("aa", "bb"), anew),
        request.digest(make_pipeline(transform={"max_payload_mb": 5}), index_of("aa", "bb"), MODEL),
        request.digest(make_pipeline(transform=several), index_of("aa", "bb"), MODEL),
    ]
    assert len({digest, *others}) == 7


@pytest.mark.parametrize("major", [0, 1])
def test_a_major_version_of_the_package_is_another_digest(make_pipeline, monkeypatch, major):
    before = request.digest(make_pipeline(), index_of("aa"), MODEL)
    monkeypatch.setattr(request, "PACKAGE_MAJOR_VERSION", major)
    assert (request.digest(make_pipeline(), index_of("aa"), MODEL) == before) is (major == 0)

"""Jobs that notebooks and DAG files start, seen without running them."""

import json

import pytest

from batch_transform.scoring.drafts.jobs import found_jobs
from batch_transform.scoring.drafts.literal import Program, Unknown
from batch_transform.scoring.errors import ConfigurationError

SDK = """
import sagemaker
from sklearn.preprocessing import StandardScaler
bucket = "lake"
prefix = f"s3://{bucket}/apples"
KIND = "ml.m5.xlarge"
scaled = StandardScaler().fit(frame)
scaled.transform(frame)
transformer = sagemaker.transformer.Transformer(
    "trees", 2, KIND, strategy="MultiRecord", assemble_with="Line", accept="text/csv",
    max_payload=6, max_concurrent_transforms=4, output_path=prefix + "/out",
    env={"THREADS": "2"}, tags=[{"Key": "team", "Value": "orchard"}],
)
transformer.transform(
    prefix + "/in", content_type="text/csv", split_type="Line", input_filter="$[1:]",
    join_source="Input", output_filter="$[0,-1]", wait=True,
)
"""
OF_SDK = {
    "ModelName": "trees",
    "TransformResources": {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge"},
    "BatchStrategy": "MultiRecord",
    "TransformOutput": {
        "AssembleWith": "Line",
        "Accept": "text/csv",
        "S3OutputPath": "s3://lake/apples/out",
    },
    "MaxPayloadInMB": 6,
    "MaxConcurrentTransforms": 4,
    "Environment": {"THREADS": "2"},
    "Tags": [{"Key": "team", "Value": "orchard"}],
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3Uri": "s3://lake/apples/in"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "DataProcessing": {
        "InputFilter": "$[1:]",
        "JoinSource": "Input",
        "OutputFilter": "$[0,-1]",
    },
}


def only(text, suffix=".py"):
    (job,) = found_jobs(text, suffix)
    return job


def test_a_transformer_and_its_transform_are_one_request():
    job = only(SDK)
    assert (job.by, job.line) == ("Transformer.transform", 14)
    assert job.request == OF_SDK


def test_a_notebook_is_its_cells():
    lines = [f"{line}\n" for line in SDK.splitlines()]
    cells = [
        {"cell_type": "markdown", "source": ["# Apples\n"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install sagemaker\n"]},
        {"cell_type": "code", "source": lines[:9]},
        {"cell_type": "code", "source": lines[9:]},
    ]
    cells[2]["source"], cells[3]["source"] = lines[:8], lines[8:]
    assert only(json.dumps({"cells": cells}), ".ipynb").request == OF_SDK


def test_a_models_transformer_has_the_models_name():
    text = """
model = sagemaker.model.Model(image_uri=image, name="trees")
model.transformer(instance_count=1, instance_type="ml.m5.large").transform(data="s3://b/in")
"""
    assert only(text).request == {
        "ModelName": "trees",
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
        "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/in"}}},
    }


def test_a_model_of_no_name_is_unknown():
    job = only("estimator.fit(x)\nestimator.transformer(1, 'ml.m5.large')\n")
    assert job.by == "Transformer"
    assert job.request["ModelName"] == Unknown("estimator.transformer")


def test_boto3s_request_is_one_already():
    text = (
        'client.create_transform_job(ModelName="trees", MaxPayloadInMB=6, TransformInput=dict(a=1))'
    )
    assert only(text).request == {
        "ModelName": "trees",
        "MaxPayloadInMB": 6,
        "TransformInput": {"a": 1},
    }


STOCK = """
CONFIG = {
    "Model": {"ModelName": "trees", "ExecutionRoleArn": ROLE},
    "Transform": {"TransformJobName": "x", "BatchStrategy": "SingleRecord", "Other": get()},
}
with DAG("apples"):
    SageMakerTransformOperator(task_id="score", config=CONFIG, wait_for_completion=True)
"""


def test_a_stock_operators_config_is_found_in_its_dag_file():
    job = only(STOCK)
    assert (job.by, job.line) == ("SageMakerTransformOperator", 7)
    assert job.request == {
        "ModelName": "trees",
        "TransformJobName": "x",
        "BatchStrategy": "SingleRecord",
        "Other": Unknown("get()"),
    }


def test_a_config_may_be_a_json_file():
    config = {"ModelName": "trees", "BatchStrategy": "SingleRecord"}
    assert only(json.dumps(config), ".json").request == config
    wrapped = {"Model": {"ModelName": "pears"}, "Transform": {"BatchStrategy": "SingleRecord"}}
    assert only(json.dumps(wrapped), ".json").request["ModelName"] == "pears"


def test_several_jobs_come_in_the_order_of_their_lines():
    text = "a.create_transform_job(ModelName='a')\nTransformer('b', 1, 'ml.m5.large')\n"
    assert [(job.line, job.request["ModelName"]) for job in found_jobs(text, ".py")] == [
        (1, "a"),
        (2, "b"),
    ]


def test_nothing_is_run(tmp_path):
    trap = tmp_path / "trap"
    text = f"open({str(trap)!r}, 'w')\nTransformer(model_name=open({str(trap)!r}, 'w').name)\n"
    request = only(text).request
    assert isinstance(request["ModelName"], Unknown)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "suffix"),
    [("x = (", ".py"), ("{", ".json"), ("[]", ".json"), ("{}", ".ipynb"), ("\0", ".py")],
)
def test_what_is_no_such_file_is_refused(text, suffix):
    with pytest.raises(ConfigurationError, match="cannot be read as"):
        found_jobs(text, suffix)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1.5", -1.5),
        ("'a' 'b'", "ab"),
        ("known + '/x'", "s3://b/x"),
        ("f'{known}/{number}'", "s3://b/7"),
        ("f'{number:03d}'", Unknown("f'{number:03d}'")),
        ("known + other", Unknown("known + other")),
        ("[known, (1, None)]", ["s3://b", [1, None]]),
        ("{'a': known, 'b': {'c': True}}", {"a": "s3://b", "b": {"c": True}}),
        ("{**known}", Unknown("{**known}")),
        ("{other: 1}", Unknown("{other: 1}")),
        ("dict(a=number)", {"a": 7}),
        ("itself", Unknown("itself")),
        ("os.environ['X']", Unknown("os.environ['X']")),
        ("given", "later"),
    ],
)
def test_a_value_is_known_where_the_text_gives_it_away(text, value):
    given = "known = 's3://b'\nnumber: int = 7\nitself = itself\ngiven = 1\ngiven = 'later'\n"
    program = Program(f"{given}use({text})")
    (call,) = [each for each in program.calls() if getattr(each.func, "id", "") == "use"]
    assert program.value(call.args[0]) == value

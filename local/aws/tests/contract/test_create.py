"""What CreateTransformJob refuses, and in which words."""

import pytest
from botocore.exceptions import ClientError

from sagemaker_lab.wire import post


@pytest.fixture
def refused(lab):
    """Create a job that must be refused; the code and the message."""

    def attempt(**fields):
        lab.put(a__csv=b"1,2\n")
        changes = fields.pop("raw", {})
        request = {**lab.request(model=fields.pop("model", None), **fields), **changes}
        client = lab.aws.client("sagemaker", parameter_validation=False)
        with pytest.raises(ClientError) as caught:
            client.create_transform_job(**request)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return attempt


CSV = {"ContentType": "text/csv", "SplitType": "Line", "Accept": "text/csv", "AssembleWith": "Line"}
FILTER = {"InputFilter": "$[1:]"}
JOIN = {"DataProcessing": {"JoinSource": "Input"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"TransformJobName": "a_b"},
            "1 validation error detected: Value 'a_b' at 'transformJobName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: "
            "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"BatchStrategy": "Both"},
            "1 validation error detected: Value 'Both' at 'batchStrategy' failed to satisfy "
            "constraint: Member must satisfy enum value set: [MultiRecord, SingleRecord]",
        ),
        (
            {"MaxConcurrentTransforms": -1},
            "1 validation error detected: Value '-1' at 'maxConcurrentTransforms' failed to "
            "satisfy constraint: Member must have value greater than or equal to 0",
        ),
        (
            {
                "ModelClientConfig": {
                    "InvocationsTimeoutInSeconds": 3601,
                    "InvocationsMaxRetries": 4,
                }
            },
            "2 validation errors detected: Value '3601' at "
            "'modelClientConfig.invocationsTimeoutInSeconds' failed to satisfy constraint: Member "
            "must have value less than or equal to 3600; Value '4' at "
            "'modelClientConfig.invocationsMaxRetries' failed to satisfy constraint: Member must "
            "have value less than or equal to 3",
        ),
        (
            {"TransformOutput": {}},
            "1 validation error detected: Value null at 'transformOutput.s3OutputPath' failed to "
            "satisfy constraint: Member must not be null",
        ),
        (
            {"Tags": [{"Key": "", "Value": "v"}]},
            "1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1",
        ),
        (
            {"Environment": {"1a": "v"}},
            "1 validation error detected: Value '{1a=v}' at 'environment' failed to satisfy "
            "constraint: Map keys must satisfy constraint: [Member must satisfy regular expression "
            "pattern: [a-zA-Z_][a-zA-Z0-9_]{0,1023}]",
        ),
    ],
)
def test_bounds_of_the_model(refused, changes, message):
    assert refused(raw=changes) == ("ValidationException", message)


@pytest.mark.parametrize(
    "changes",
    [
        {"Environment": {f"V{number}": "" for number in range(17)}},
        {"Tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
        {"TransformResources": {"InstanceType": "ml.none", "InstanceCount": 1}},
        {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 0}},
        {"ExperimentConfig": {"RunName": ""}},
        {"DataProcessing": {"InputFilter": "$" * 64}},
        {"TransformOutput": {"S3OutputPath": "file:///tmp"}},
        {"TransformOutput": {"S3OutputPath": "s3://b", "KmsKeyId": "a b"}},
        {"DataCaptureConfig": {}},
    ],
)
def test_more_bounds(refused, changes):
    code, message = refused(raw=changes)
    assert code == "ValidationException"
    assert "failed to satisfy constraint" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"MaxPayloadInMB": "six"},
        {"MaxPayloadInMB": 1.5},
        {"MaxPayloadInMB": True},
        {"MaxPayloadInMB": 2**40},
        {"TransformJobName": 5},
        {"Tags": {"Key": "k"}},
        {"Environment": ["a"]},
        {"Environment": {"a": 1}},
        {"TransformInput": "s3://bucket"},
    ],
)
def test_wrong_types(lab, changes):
    lab.put(a__csv=b"1,2\n")
    answer = post(lab.aws, "CreateTransformJob", {**lab.request(), **changes})
    assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    "fields",
    [
        {"MaxPayloadInMB": 101},
        {"MaxConcurrentTransforms": 51, "MaxPayloadInMB": 2},
        {"InstanceCount": 101},
        {"kind": "AugmentedManifestFile"},
        {"kind": "Converse"},
        {"InstanceType": "ml.g4dn.xlarge", "VolumeKmsKeyId": "key"},
        {**CSV, **JOIN, "Accept": "application/json"},
        {**CSV, **JOIN, "ContentType": "image/png", "Accept": "image/png"},
        {**CSV, **JOIN, "AssembleWith": "None"},
        {**CSV, **JOIN, "SplitType": "None", "AssembleWith": "None"},
        {**CSV, **JOIN, "Accept": ""},
        {"ContentType": "image/png", "DataProcessing": {"InputFilter": "$[1:]"}},
        {"DataProcessing": {"InputFilter": "$[1:]"}},
        {"ContentType": "text/csv", "SplitType": "TFRecord", "DataProcessing": FILTER},
        {**CSV, "DataProcessing": {"InputFilter": "[1:]"}},
        {**CSV, "DataProcessing": {"InputFilter": "$[?(@.a)]"}},
    ],
)
def test_rules_between_fields(refused, fields):
    code, _ = refused(**fields)
    assert code == "ValidationException"


@pytest.mark.parametrize(
    "fields",
    [
        {"MaxConcurrentTransforms": 50, "MaxPayloadInMB": 2},
        {"MaxConcurrentTransforms": 100},
        {"MaxPayloadInMB": 0, "MaxConcurrentTransforms": 8},
        {"BatchStrategy": "SingleRecord", "SplitType": "None"},
        {
            "ContentType": "text/csv",
            "Accept": "application/json",
            "SplitType": "Line",
            "DataProcessing": {"InputFilter": "$[:1]"},
        },
    ],
)
def test_what_only_looks_wrong_is_accepted(lab, fields):
    lab.put(a__csv=b"1,2\n")
    assert lab.run(**fields)["TransformJobStatus"] == "Completed"


def test_character_of_a_filter(refused):
    code, message = refused(
        ContentType="application/jsonlines",
        SplitType="Line",
        DataProcessing={"OutputFilter": "$['account_id','SageMakerOutput']"},
    )
    assert code == "ValidationException"
    assert message == (
        "Invalid OutputFilter: \"$['account_id','SageMakerOutput']\". Unexpected \"_\" in "
        'JsonPath. Supported operators for "application/jsonlines" are '
        "['$', '[', ']', '*', '.', ' ', ',', ':', '-', ''']"
    )


def test_no_objects(refused, lab):
    code, message = refused(uri="s3://no-such-bucket-anywhere/in/")
    assert code == "ValidationException"
    assert message == (
        'No S3 objects found under S3 URL "s3://no-such-bucket-anywhere/in/" given in input data '
        "source. Please ensure that the bucket exists in the selected region (us-east-1), that "
        'objects exist under that S3 prefix, and that the role "arn:aws:iam::123456789012:role/'
        'test" has "s3:ListBucket" permissions on bucket "no-such-bucket-anywhere".'
    )
    assert refused(uri=f"s3://{lab.bucket}/no-manifest", kind="ManifestFile")[0] == code


def test_empty_manifest(refused, lab, switched):
    lab.put_key("empty.manifest", b'[{"prefix": "s3://b/in/"}]')
    empty = {"uri": f"s3://{lab.bucket}/empty.manifest", "kind": "ManifestFile"}
    assert "No S3 objects found" in refused(**empty)[1]
    with switched(empty_manifest="complete"):
        assert lab.run(**empty)["TransformJobStatus"] == "Completed"
    assert lab.outputs() == set()


def test_unknown_model(refused):
    assert refused(model="no-such-model") == (
        "ValidationException",
        'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/no-such-model".',
    )


def test_model_of_uncompressed_artefacts(refused, lab):
    source = {
        "S3DataSource": {"S3Uri": "s3://b/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    }
    model = lab.model("test/echo:1", ModelDataSource=source)
    assert refused(model=model)[1] == (
        "SageMaker Batch currently doesn't support Model entity with container definitions which "
        "use ModelDataSource attribute"
    )


def test_a_name_is_taken_for_ever(lab):
    lab.put(a__csv=b"1\n")
    request = lab.request()
    lab.sagemaker.create_transform_job(**request)
    with pytest.raises(ClientError, match="ResourceInUse"):
        lab.sagemaker.create_transform_job(**request)
    lab.wait(request["TransformJobName"])
    with pytest.raises(lab.sagemaker.exceptions.ResourceInUse):
        lab.sagemaker.create_transform_job(**request)


def test_names_are_taken_per_region(lab):
    lab.put(a__csv=b"1\n")
    request = lab.request()
    lab.sagemaker.create_transform_job(**request)
    elsewhere = lab.aws.client("sagemaker")
    elsewhere.meta.events.register(
        "before-sign.sagemaker",
        lambda request, **_: request.context.update(signing={"region": "eu-west-1"}),
    )
    with pytest.raises(ClientError, match="Could not find model.*eu-west-1"):
        elsewhere.create_transform_job(**request)


def test_account_limit(lab):
    lab.put(a__csv=b"1\n")
    kind = "ml.p3.2xlarge"
    lab.aws.limit(kind, 3)
    name = lab.name()
    lab.aws.faults.freeze(job=name)
    request = {**lab.request(InstanceType=kind, InstanceCount=2), "TransformJobName": name}
    lab.sagemaker.create_transform_job(**request)
    with pytest.raises(lab.sagemaker.exceptions.ResourceLimitExceeded) as caught:
        lab.start(InstanceType=kind, InstanceCount=2)
    assert caught.value.response["Error"]["Message"] == (
        "The account-level service limit 'ml.p3.2xlarge for transform job usage' is 3 Instances, "
        "with current utilization of 2 Instances and a request delta of 2 Instances. Please "
        "contact AWS support to request an increase for this limit."
    )
    lab.aws.release(name)
    lab.wait(name)
    assert lab.run(InstanceType=kind, InstanceCount=2)["TransformJobStatus"] == "Completed"


def test_tags_can_be_read(lab):
    lab.put(a__csv=b"1\n")
    tags = [{"Key": "team", "Value": "risk"}]
    arn = lab.run(Tags=tags)["TransformJobArn"]
    assert lab.sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags


def test_a_job_has_fifty_tags_at_most(lab):
    lab.put(a=b"1\n")
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(49)]
    arn = lab.run(Tags=tags)["TransformJobArn"]
    for number in (49, 49):
        lab.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": f"k{number}", "Value": "x"}])
    with pytest.raises(ClientError, match="ValidationException.* 50 tags"):
        lab.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k50", "Value": ""}])
    assert len(lab.sagemaker.list_tags(ResourceArn=arn, MaxResults=100)["Tags"]) == 50

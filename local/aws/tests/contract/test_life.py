"""Statuses, times, defaults, stops, events and logs of jobs."""

import re
from datetime import datetime

import pytest
from botocore.exceptions import ClientError

from sagemaker_lab.case_container import CaseContainer
from sagemaker_lab.lab import GROUP

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}:\[sagemaker logs\]: "


def frozen(lab, **fields):
    """A job that stays in progress."""
    name = lab.name()
    lab.aws.faults.freeze(job=name)
    lab.sagemaker.create_transform_job(**{**lab.request(**fields), "TransformJobName": name})
    return name


def events_of(lab, name):
    events = lab.aws.events()
    return [event for event in events if event["detail"]["TransformJobName"] == name]


def test_defaults_are_filled_in(lab):
    lab.put(a=b"1\n")
    description = lab.run()
    assert description["TransformInput"]["CompressionType"] == "None"
    assert description["TransformInput"]["SplitType"] == "None"
    assert description["TransformOutput"]["AssembleWith"] == "None"
    assert description["TransformOutput"]["KmsKeyId"] == ""
    assert description["DataProcessing"] == {
        "InputFilter": "$",
        "OutputFilter": "$",
        "JoinSource": "None",
    }
    for absent in ("FailureReason", "MaxPayloadInMB", "MaxConcurrentTransforms", "BatchStrategy"):
        assert absent not in description


def test_what_was_given_is_echoed(lab):
    lab.put(a=b"1\n")
    given = {
        "MaxConcurrentTransforms": 2,
        "MaxPayloadInMB": 3,
        "BatchStrategy": "SingleRecord",
        "Environment": {"A": "b"},
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 7, "InvocationsMaxRetries": 1},
    }
    description = lab.run(**given)
    assert {name: description[name] for name in given} == given


def test_times_of_a_completed_job(lab):
    lab.put(a=b"1\n")
    description = lab.run()
    created, started, ended = (
        description[name] for name in ("CreationTime", "TransformStartTime", "TransformEndTime")
    )
    assert isinstance(created, datetime)
    assert created <= started <= ended


def test_provisioning_takes_as_long_as_the_switch_says(lab, switched):
    lab.put(a=b"1\n")
    with switched(provisioning_seconds=3600.0):
        name = lab.start()
    assert "TransformStartTime" not in lab.describe(name)
    lab.aws.advance(3601)
    description = lab.wait(name)
    waited = description["TransformStartTime"] - description["CreationTime"]
    assert waited.total_seconds() >= 3600


def test_a_running_job_has_no_end(lab):
    lab.put(a=b"1\n")
    name = frozen(lab)
    description = lab.describe(name)
    assert description["TransformJobStatus"] == "InProgress"
    assert "TransformEndTime" not in description
    lab.aws.release(name)
    assert lab.wait(name)["TransformJobStatus"] == "Completed"


def test_stop_goes_through_stopping_to_stopped(lab):
    lab.put(a=b"1\n")
    name = frozen(lab)
    assert lab.sagemaker.stop_transform_job(TransformJobName=name)
    description = lab.wait(name)
    assert description["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in description
    assert description["TransformEndTime"]
    assert lab.outputs() == set()
    statuses = [event["detail"]["TransformJobStatus"] for event in events_of(lab, name)]
    assert statuses == ["InProgress", "InProgress", "Stopping", "Stopped"]


def test_stop_in_the_middle_leaves_no_partial_output(lab):
    lab.put(a=b"x\n" * 500, b=b"y\n" * 500)
    name = lab.start("test/slow:1", SplitType="Line", BatchStrategy="SingleRecord")
    lab.wait_for_line(name, "MaxConcurrentTransforms=1")
    lab.sagemaker.stop_transform_job(TransformJobName=name)
    assert lab.wait(name)["TransformJobStatus"] == "Stopped"
    assert lab.outputs() == set()


@pytest.mark.parametrize("keep", [True, False])
def test_outputs_finished_before_a_stop(lab, switched, keep):
    lab.put(a=b"x\n", b=b"y\n" * 500)
    with switched(keep_outputs_of_stopped_job=keep):
        name = lab.start("test/slow:1", SplitType="Line", BatchStrategy="SingleRecord")
    lab.wait_for_output("a")
    lab.sagemaker.stop_transform_job(TransformJobName=name)
    lab.wait(name)
    assert lab.outputs() == ({"a.out"} if keep else set())


def test_stop_of_a_finished_job_is_refused(lab):
    lab.put(a=b"1\n")
    name = lab.run()["TransformJobName"]
    with pytest.raises(ClientError) as caught:
        lab.sagemaker.stop_transform_job(TransformJobName=name)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith(
        "The request was rejected because the transform job is in status Completed"
    )


def test_a_tag_that_is_added_again_has_the_new_value_alone(lab):
    lab.put(a=b"1\n")
    name = frozen(lab, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}])
    arn = lab.describe(name)["TransformJobArn"]
    lab.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}])
    lab.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b", "c"])
    lab.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    assert lab.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]


def test_unknown_jobs(lab):
    with pytest.raises(ClientError, match="ValidationException.*Could not find"):
        lab.sagemaker.describe_transform_job(TransformJobName="none")
    with pytest.raises(ClientError, match="Could not find job to update with name none"):
        lab.sagemaker.stop_transform_job(TransformJobName="none")


def test_events_mirror_describe(lab):
    lab.put(a=b"1\n")
    description = lab.run()
    name = description["TransformJobName"]
    events = events_of(lab, name)
    statuses = [event["detail"]["TransformJobStatus"] for event in events]
    assert statuses == ["InProgress", "InProgress", "Completed"]
    last = events[-1]
    assert last["source"] == "aws.sagemaker"
    assert last["detail-type"] == "SageMaker Transform Job State Change"
    assert last["resources"] == [description["TransformJobArn"]]
    ended = description["TransformEndTime"].timestamp() * 1000
    assert last["detail"]["TransformEndTime"] == pytest.approx(ended, abs=1)
    assert last["detail"]["TransformInput"] == description["TransformInput"]


def test_a_rule_sends_events_on(lab):
    lab.put(a=b"1\n")
    bridge, queues = lab.aws.client("events"), lab.aws.client("sqs")
    queue = queues.create_queue(QueueName=lab.name())["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    rule = lab.name()
    bridge.put_rule(Name=rule, EventPattern='{"source": ["aws.sagemaker"]}')
    target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
    bridge.put_targets(Rule=rule, Targets=[target])
    name = lab.run()["TransformJobName"]
    bridge.remove_targets(Rule=rule, Ids=["queue"])
    messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert any(name in message["Body"] and "Completed" in message["Body"] for message in messages)


def test_data_log_begins_with_the_effective_parameters(lab):
    lab.put(a=b"1\n")
    name = lab.run()["TransformJobName"]
    first = lab.data_log(name)[0]
    assert re.fullmatch(
        STAMP + "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD", first
    )


def test_names_of_the_streams(lab):
    lab.put(a=b"1\n")
    name = lab.run()["TransformJobName"]
    container, data_log = sorted(lab.streams(name))
    assert re.fullmatch(rf"{name}/i-[0-9a-f]{{17}}-\d{{10}}", container)
    assert data_log == f"{container}/data-log"
    assert lab.lines(container) == ["serving"]
    groups = lab.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert [group["logGroupName"] for group in groups] == [GROUP]


def test_an_http_error_in_the_data_log(lab):
    lab.put(a=b"1\n")
    exchange = {"body": "1", "status": 413, "reply": "too large\nby far", "times": 1}
    with CaseContainer([exchange]) as container:
        description = lab.run(container.url)
    assert description["TransformJobStatus"] == "Failed"
    assert description["FailureReason"] == "ClientError: See job logs for more information"
    label = f"{lab.bucket}/in/a: "
    lines = [
        line.partition("[sagemaker logs]: ")[2]
        for line in lab.data_log(description["TransformJobName"])
    ]
    assert lines[1:] == [
        f"{label}ClientError: 413",
        label,
        f"{label}Message:",
        f"{label}too large",
        f"{label}by far",
    ]

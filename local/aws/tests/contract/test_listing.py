"""ListTransformJobs: filters, order, pages."""

from datetime import timedelta

import pytest


@pytest.fixture
def jobs(lab):
    """Twelve jobs, of which the first failed; oldest first, two seconds apart.

    Older versions of botocore send whole seconds.
    """
    lab.put(a=b"1\n")
    model = lab.model("test/echo:1")
    bad = lab.model("no/such:image")
    lab.aws.control("POST", "clock", {"freeze": True})
    descriptions = [lab.run(model=bad)]
    lab.aws.faults.no_output(times=11)
    for _ in range(11):
        lab.aws.advance(2)
        descriptions.append(lab.run(model=model))
    return descriptions


@pytest.fixture
def listed(lab, jobs):
    """List with arguments; the places of the jobs in order of creation."""
    places = {job["TransformJobName"]: place for place, job in enumerate(jobs)}

    def listing(**arguments):
        answer = lab.sagemaker.list_transform_jobs(**{"NameContains": lab.stem, **arguments})
        return [places[each["TransformJobName"]] for each in answer["TransformJobSummaries"]]

    listing.jobs = jobs
    return listing


def test_filters_and_order(listed):
    assert listed() == list(range(11, 1, -1))
    assert listed(MaxResults=100) == list(range(11, -1, -1))
    assert listed(SortOrder="Ascending", MaxResults=3) == [0, 1, 2]
    assert listed(StatusEquals="Failed") == [0]
    assert listed(SortBy="Status", MaxResults=2) == [0, 11]
    created = listed.jobs[5]["CreationTime"]
    assert listed(CreationTimeBefore=created, SortOrder="Ascending") == [0, 1, 2, 3, 4]
    assert listed(CreationTimeAfter=created + timedelta(seconds=1), MaxResults=100) == [
        11,
        10,
        9,
        8,
        7,
        6,
    ]
    ended = listed.jobs[10]["TransformEndTime"]
    assert listed(LastModifiedTimeAfter=ended + timedelta(seconds=1)) == [11]
    assert 0 in listed(LastModifiedTimeBefore=ended, SortOrder="Ascending")
    names = [job["TransformJobName"] for job in listed.jobs]
    by_name = listed(SortBy="Name", SortOrder="Ascending", MaxResults=100)
    assert [names[place] for place in by_name] == sorted(names)


def test_summaries(lab, jobs):
    answer = lab.sagemaker.list_transform_jobs(NameContains=lab.stem, SortOrder="Ascending")
    failed, completed = answer["TransformJobSummaries"][:2]
    assert failed["FailureReason"] == jobs[0]["FailureReason"]
    assert set(completed) == {
        "TransformJobName",
        "TransformJobArn",
        "CreationTime",
        "TransformEndTime",
        "LastModifiedTime",
        "TransformJobStatus",
    }


@pytest.mark.parametrize("order", ["Name", "CreationTime", "Status"])
def test_pages_hold_every_job_once(lab, jobs, order):
    pages = lab.sagemaker.get_paginator("list_transform_jobs").paginate(
        NameContains=lab.stem, SortBy=order, PaginationConfig={"PageSize": 5}
    )
    sizes, names = [], []
    for page in pages:
        sizes.append(len(page["TransformJobSummaries"]))
        names += [each["TransformJobName"] for each in page["TransformJobSummaries"]]
    assert sizes == [5, 5, 2]
    assert sorted(names) == sorted(job["TransformJobName"] for job in jobs)


def test_a_token_of_another_listing_is_refused(lab, jobs):
    first = lab.sagemaker.list_transform_jobs(NameContains=lab.stem, MaxResults=1)
    for arguments in ({"SortBy": "Name"}, {"SortOrder": "Ascending"}):
        with pytest.raises(lab.sagemaker.exceptions.ClientError, match="Invalid NextToken"):
            lab.sagemaker.list_transform_jobs(NextToken=first["NextToken"], **arguments)
    with pytest.raises(lab.sagemaker.exceptions.ClientError, match="Invalid NextToken"):
        lab.sagemaker.list_transform_jobs(NextToken="bm9uZQ==")

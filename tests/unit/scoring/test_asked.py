"""What a run may ask for otherwise than its pipeline, and what cannot be had together."""

import pytest

from batch_transform.scoring.asked import Asked, asked_for
from batch_transform.scoring.errors import RunRefused
from batch_transform.scoring.jobs import request

VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/trees/7"
ROLE = "arn:aws:iam::123456789012:role/scoring"
PRICES = {"ml.m5.large": 0.1, "ml.c5.xlarge": 0.2}


def asked(pipeline, **params):
    return asked_for(pipeline, Asked.of(params), PRICES).settings


def test_nothing_asked_for_is_the_pipeline_as_it_is(make_pipeline):
    pipeline = make_pipeline()
    assert asked_for(pipeline, Asked(), {}) == pipeline
    assert Asked().changes == {}
    assert Asked().unpublished(pipeline.settings) == ""


def test_parameters_of_others_are_of_no_concern():
    assert Asked.of({"partition": "2013-06-01", "customer": 5, "sample": 3}) == Asked(sample=3)


def test_what_is_asked_for_is_in_the_request_and_nothing_else_changes(make_pipeline):
    pipeline = make_pipeline(transform={"max_payload_mb": 5, "overrides": {"Environment": {}}})
    settings = asked(
        pipeline,
        model="pears",
        instance_type="ml.c5.xlarge",
        instance_count=3,
        max_concurrent_transforms=8,
    )
    before, after = request.build(pipeline.settings), request.build(settings)
    assert after == request.for_run(before, settings, {})
    assert (after["ModelName"], after["MaxConcurrentTransforms"]) == ("pears", 8)
    assert after["TransformResources"] == {"InstanceType": "ml.c5.xlarge", "InstanceCount": 3}
    for name in before.keys() - {"ModelName", "MaxConcurrentTransforms", "TransformResources"}:
        assert after[name] == before[name]


def test_each_instance_asked_for_has_a_shard(make_pipeline):
    assert asked(make_pipeline(), instance_count=3).shards.min_count == 3
    assert asked(make_pipeline(shards={"min_count": 5}), instance_count=3).shards.min_count == 5


def test_one_instance_type_takes_the_place_of_several(make_pipeline):
    kinds = {"instance_type": None, "instance_types": ["ml.m5.large", "ml.m4.large"]}
    settings = asked(make_pipeline(transform=kinds), instance_type="ml.c5.xlarge")
    assert settings.transform.kinds == ("ml.c5.xlarge",)


def test_a_package_version_needs_the_role_of_its_model(make_pipeline):
    with pytest.raises(RunRefused, match="role goes with a package"):
        asked(make_pipeline(), model=VERSION)
    settings = asked(make_pipeline(model={"role": ROLE}), model=VERSION)
    assert (settings.model.package_version, settings.model.role) == (VERSION, ROLE)
    assert settings.model.label == "trees/7"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"publish": False}, "publish is off"),
        ({"sample": 100}, "it scores a sample of 100 records"),
        ({"model": "pears"}, "it scores with another model than the pipeline's, pears"),
    ],
)
def test_what_only_compares_cannot_change_the_partition(make_pipeline, params, reason):
    pipeline = make_pipeline()
    assert Asked.of(params).unpublished(pipeline.settings) == reason
    assert asked(pipeline, **params)
    for flag in ("publish_blocked", "resubmit"):
        with pytest.raises(RunRefused, match=f"nothing was done: {flag} changes .*: {reason}"):
            asked(pipeline, **params, **{flag: True})


def test_the_pipelines_own_model_is_no_other(make_pipeline):
    pipeline = make_pipeline(model={"role": ROLE})
    assert Asked(model="apples").unpublished(pipeline.settings) == ""


def test_more_than_the_service_takes_is_refused(make_pipeline):
    with pytest.raises(RunRefused, match=r"max_concurrent_transforms x max_payload_mb is 120"):
        asked(make_pipeline(), max_concurrent_transforms=20)


def test_a_cap_of_cost_becomes_a_limit_of_hours_and_needs_a_price(make_pipeline):
    pipeline = make_pipeline(limits={"cost": 3, "instance_hours": 25})
    assert asked(pipeline).limits.instance_hours == 25
    assert asked(pipeline, cost_cap=2).limits.instance_hours == pytest.approx(20)
    assert asked(pipeline, cost_cap=2, instance_type="ml.c5.xlarge").limits.instance_hours == 10
    with pytest.raises(RunRefused, match="may cost 3 USD, and nobody knows what ml.p3.2xlarge"):
        asked(pipeline, instance_type="ml.p3.2xlarge")
    free = asked_for(pipeline, Asked(), {"ml.m5.large": 0})
    assert free.settings.limits.instance_hours == 25


def test_all_that_is_wrong_is_said_at_once(make_pipeline):
    pipeline = make_pipeline(limits={"cost": 3})
    with pytest.raises(RunRefused) as refusal:
        asked(pipeline, sample=1, resubmit=True, publish_blocked=True, instance_type="ml.a.b")
    assert str(refusal.value).count(";") == 3

"""A request whose fields are missing, hidden, or changed for one run."""

import copy
import hashlib

import pytest

from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.extract.index import Portion
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.jobs.request_checks import check, setting_problems
from tests.factories import a_shard, an_index
from tests.unit.scoring.test_request_checks import GOOD


def without(*paths):
    changed = copy.deepcopy(GOOD)
    for path in paths:
        *parents, last = path.split(".")
        here = changed
        for part in parents:
            here = here[part]
        del here[last]
    return changed


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        (["TransformInput.SplitType"], "TransformInput.SplitType is None; it must be Line"),
        (["TransformOutput.AssembleWith"], "TransformOutput.AssembleWith is None; it must be"),
        (["TransformInput.ContentType"], "TransformInput.ContentType is ''; with JoinSource"),
        (["TransformOutput.Accept"], "TransformOutput.Accept is '' and TransformInput.Content"),
    ],
)
def test_a_field_that_is_missing_is_what_the_service_takes_it_for(paths, problem):
    with pytest.raises(RequestRefused) as error:
        check(without(*paths), shards=2)
    assert f"\n  {problem}" in str(error.value)


@pytest.mark.parametrize(
    "paths",
    [["DataProcessing"], ["DataProcessing", "TransformInput.ContentType"], ["MaxPayloadInMB"]],
)
def test_what_may_be_missing_is_no_problem(paths):
    check(without(*paths), shards=2)


def test_where_a_line_is_no_record_the_override_is_named(make_pipeline):
    overrides = {"TransformInput": {"SplitType": "RecordIO"}}
    ((place, what),) = setting_problems(make_pipeline(transform={"overrides": overrides}).settings)
    assert place == ("transform", "overrides", "TransformInput", "SplitType")
    assert what.startswith("is RecordIO; ")


def test_a_run_changes_its_instances_requests_and_variables_and_nothing_else(make_pipeline):
    kinds = {"instance_type": None, "instance_types": ["ml.m5.large", "ml.m5.xlarge"]}
    before = request.build(make_pipeline().settings)
    wanted = make_pipeline(
        model={"name": "pears"},
        transform={**kinds, "instance_count": 2, "max_concurrent_transforms": 9},
        shards={"min_count": 2},
    ).settings
    changed = {
        "ModelName": "pears",
        "MaxConcurrentTransforms": 9,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    }
    assert request.for_run(before, wanted, {}) == {**before, **changed}
    assert request.for_run(before, wanted, {"A": "1"})["Environment"] == {"A": "1"}


def test_a_group_of_models_has_no_name_until_a_job_is_started(make_pipeline):
    settings = make_pipeline(
        model={"name": None, "package_group": "pears", "role": "arn:aws:iam::123456789012:role/x"}
    ).settings
    built = request.build(settings)
    assert built["ModelName"] == ""
    assert request.for_run(built, settings, {})["ModelName"] == ""


def test_others_see_the_names_of_variables_and_no_value():
    shown = request.public({"ModelName": "apples", "Environment": {"TOKEN": "secret"}})
    assert shown == {"ModelName": "apples", "Environment": {"TOKEN": "…"}}
    assert request.public({"ModelName": "apples"}) == {"ModelName": "apples"}


@pytest.mark.parametrize(("shards", "instances"), [(1, 1), (2, 2), (3, 2)])
def test_no_instance_is_without_a_shard(shards, instances):
    fitted = request.fitted(GOOD, shards)
    assert fitted["TransformResources"] == {
        "InstanceType": "ml.m5.large",
        "InstanceCount": instances,
    }


# As in test_request.py: whoever changes it renames every job of a partition of several.
RECIPE = (
    '{"job":3,"model":["apples"],"package":0,"records":["aa"],'
    '"request":{"TransformInput":{"DataSource":null,"SplitType":"Line"},'
    '"TransformResources":{"InstanceCount":1,"InstanceType":["a"]}}}'
)


def test_the_recipe_of_one_of_several_jobs_does_not_change():
    index = an_index([a_shard(records_sha256="aa")], portion=Portion(job=3, of_records=9))
    model = ModelFacts(name="apples", identity=["apples"], isolated=False)
    sent = {"TransformInput": {"SplitType": "Line"}, "TransformResources": {"InstanceCount": 1}}
    expected = hashlib.sha256(RECIPE.encode()).hexdigest()
    assert request.digest(sent, index, model, ["a"]) == expected

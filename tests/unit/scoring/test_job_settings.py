"""The model, transform and limits parts of pipeline.yaml, as a person gets them wrong."""

import pytest

from batch_transform.scoring.pipeline import Limits, Model, Transform
from tests.unit.scoring.test_pipelines import folder, problems_of

__all__ = ["folder"]

ROLE = "arn:aws:iam::123456789012:role/scoring"
TYPE = "  instance_type: ml.m5.large\n"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "{name: apples}",
            "{}",
            "pipeline.yaml:14: model: give one of name, package_group and pac",
        ),
        (
            "{name: apples}",
            f"{{name: apples, package_group: trees, role: '{ROLE}'}}",
            "give one of name, package_group and package_version",
        ),
        ("{name: apples}", "{package_group: trees}", "model.role: goes with a package"),
        ("{name: apples}", "{package_group: trees, role: me}", "model.role"),
        (TYPE, "", "give either instance_type or instance_types"),
        (TYPE, f"{TYPE}  instance_types: [ml.m5.large, ml.m5.xlarge]\n", "give either"),
        (TYPE, "  instance_types: [ml.m5.large]\n", "transform.instance_types"),
        (
            TYPE,
            f"{TYPE}  overrides: {{TransformJobName: mine}}\n",
            "pipeline.yaml:17: transform.overrides.TransformJobName: cannot be overridden",
        ),
        (
            TYPE,
            f"{TYPE}  overrides: {{DataProcessing: {{OutputFilter: '$[0,5:]'}}}}\n",
            "a range has its brackets to itself",
        ),
        (
            TYPE,
            f"{TYPE}  overrides: {{MaxPayloadInMB: 60}}\n",
            "MaxPayloadInMB: cannot be overridden: set transform.max_payload_mb",
        ),
        (
            TYPE,
            "  instance_type: ml.g4dn.xlarge\n  volume_kms_key: alias/key\n",
            "pipeline.yaml:17: transform.volume_kms_key: cannot be used with ml.g4dn.xlarge, whose",
        ),
        (
            TYPE,
            "  instance_types: [ml.m5.large, ml.g4dn.xlarge]\n  volume_kms_key: alias/key\n",
            "cannot be used with ml.g4dn.xlarge",
        ),
        (TYPE, f"{TYPE}  kms_key: my key\n", "transform.kms_key: must be a KMS key: its id, its"),
        (TYPE, f"{TYPE}  environment: {{A-B: x}}\n", "must be the name of a variable, such as OMP"),
        (TYPE, f"{TYPE}  tags: {{'aws:team': x}}\n", "those that begin with aws: or batch-transf"),
        (
            TYPE,
            f"{TYPE}  tags: {{'Batch-Transform:x': x}}\n",
            "transform.tags.Batch-Transform:x: m",
        ),
        (TYPE, f"{TYPE}  tags: {{team: 7}}\n", "transform.tags.team: must be a text, quoted"),
        (TYPE, f"{TYPE}  data_capture: {{}}\n", "transform.data_capture.destination: is missing"),
        (
            TYPE,
            f"{TYPE}  data_capture: {{destination: here}}\n",
            "transform.data_capture.destination: 'here' is not an S3 URI like s3://bucket/key",
        ),
        (
            TYPE,
            f"{TYPE}  jobs: 2\n",
            "transform.jobs: is 2 but the extract has 1 slices, and a job is sent one at least: set"
            " extract.slices to 2 or more",
        ),
        (
            "{name: apples}",
            "{name: apples, vpc: {subnets: [subnet-1], security_groups: []}}",
            "model.vpc.security_groups: must have 1 or more entries",
        ),
    ],
)
def test_a_mistake_is_an_import_error_when_the_dag_is_parsed(folder, old, new, problem):
    path = folder / "pipeline.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    assert problem in problems_of(folder)


def test_several_instance_types_are_tried_in_their_order():
    one = {"strategy": "MultiRecord", "instance_type": "ml.m5.large"}
    several = {"strategy": "MultiRecord", "instance_types": ["ml.m5.large", "ml.c5.large"]}
    assert Transform(**one).kinds == ("ml.m5.large",)
    assert Transform(**several).kinds == ("ml.m5.large", "ml.c5.large")


def test_a_model_has_a_name_for_people():
    assert Model(name="apples").label == "apples"
    assert Model(package_group="trees", role=ROLE).label == "latest approved of trees"


def test_a_job_that_shares_the_records_has_its_share_of_the_hours():
    limits = Limits(instance_hours=4, bad_records=3)
    assert limits.of_share(0.25) == Limits(instance_hours=1, bad_records=3)
    assert limits.of_share(1) is limits
    assert Limits().of_share(0.25) == Limits()

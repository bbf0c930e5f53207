"""The model, transform and limits parts of pipeline.yaml, as a person gets them wrong."""

import pytest

from batch_transform.scoring.pipeline import Model, Transform
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
            "  instance_type: ml.g4dn.xlarge\n"
            "  overrides: {TransformResources: {VolumeKmsKeyId: alias/key}}\n",
            "encrypts itself",
        ),
        (
            TYPE,
            "  instance_types: [ml.m5.large, ml.g4dn.xlarge]\n"
            "  overrides: {TransformResources: {VolumeKmsKeyId: alias/key}}\n",
            "cannot be used with ml.g4dn.xlarge",
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

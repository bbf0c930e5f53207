"""Settings of workers as arguments of operators."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from batch_transform.placement import placement
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline import Workers

POD = {"spec": {"containers": [{"name": "base", "resources": {"limits": {"memory": "4Gi"}}}]}}
PROVIDER = "airflow.providers.cncf.kubernetes.pod_generator"


def test_what_is_not_set_is_left_to_airflow():
    assert placement(Workers()) == {}
    assert placement(Workers(queue="big")) == {"queue": "big"}


def test_a_manifest_becomes_the_pod_that_kubernetes_is_given(monkeypatch):
    provider = ModuleType(PROVIDER)
    provider.PodGenerator = SimpleNamespace(deserialize_model_dict=lambda made: ("pod", made))
    monkeypatch.setitem(sys.modules, PROVIDER, provider)
    workers = Workers(executor_config={"pod_override": POD, "other": 1})
    assert placement(workers)["executor_config"] == {"pod_override": ("pod", POD), "other": 1}


def test_a_pod_without_the_provider_is_refused_with_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, PROVIDER, None)
    with pytest.raises(ConfigurationError, match="install apache-airflow-providers-cncf"):
        placement(Workers(executor_config={"pod_override": POD}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pool": "transform-ml.m5.large"}, "must be another pool"),
        ({"queue": " "}, "must be a text"),
        ({"executor_config": {"a": {1: "b"}}}, "must have names as keys"),
        ({"executor_config": {"a": [object()]}}, "must have names as keys"),
        ({"executor_config": "big"}, "valid dict"),
    ],
)
def test_settings_that_no_task_can_have_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Workers(**settings)

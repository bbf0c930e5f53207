"""Where an executor is to run tasks: settings of a pipeline as arguments of operators."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline.workers import Workers

_POD = "pod_override"


def placement(workers: Workers) -> dict[str, Any]:
    """Return the arguments of operators that are set; none where nothing is.

    Raises:
        ConfigurationError: a pod is described, and this Airflow has no Kubernetes provider.
    """
    config = workers.executor_config or {}
    if _POD in config:
        config = {**config, _POD: _pod(config[_POD])}
    arguments = {"queue": workers.queue, "pool": workers.pool, "executor_config": config}
    return {name: value for name, value in arguments.items() if value}


def _pod(manifest: Any) -> Any:
    """Make the pod that KubernetesExecutor wants, a ``V1Pod``, of a manifest.

    https://airflow.apache.org/docs/apache-airflow-providers-cncf-kubernetes/stable/kubernetes_executor.html#pod-override
    """
    try:
        generator = import_module("airflow.providers.cncf.kubernetes.pod_generator")
    except ImportError as error:
        raise ConfigurationError(
            f"workers.executor_config has {_POD}, and this Airflow has no Kubernetes provider:"
            " install apache-airflow-providers-cncf-kubernetes, or leave it out"
        ) from error
    return generator.PodGenerator.deserialize_model_dict(manifest)

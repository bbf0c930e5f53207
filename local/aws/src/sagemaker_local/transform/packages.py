"""Models that are made of a version of a model package, which moto keeps and does not look into.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moto.sagemaker.models import SageMakerModelBackend


def unpacked(
    definitions: Iterable[dict[str, Any]], backend: SageMakerModelBackend
) -> list[dict[str, Any]]:
    """Container definitions, with those of a package in the place of its name."""
    return [each for definition in definitions for each in _containers(definition, backend)]


def _containers(definition: dict[str, Any], backend: SageMakerModelBackend) -> list[dict[str, Any]]:
    name = definition.get("ModelPackageName")
    if not name:
        return [definition]
    package = backend.describe_model_package(name)
    own = definition.get("Environment") or {}
    return [
        {**each, "Environment": {**(each.get("Environment") or {}), **own}}
        for each in package.inference_specification["Containers"]
    ]

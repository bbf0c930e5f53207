from pathlib import Path

import pytest

from local.models.container.errors import SettingsError
from local.models.container.settings import Settings, read_settings


def test_an_empty_environment_means_the_documented_defaults() -> None:
    assert read_settings({}, cpu_count=4) == Settings(
        port=8080,
        model_dir=Path("/opt/ml/model"),
        max_payload_mb=6,
        max_concurrent_transforms=4,
    )


def test_what_the_platform_sets_is_used() -> None:
    environment = {
        "SAGEMAKER_BIND_TO_PORT": "9000",
        "SM_MODEL_DIR": "/models/one",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "20",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "8",
        "SAGEMAKER_BATCH": "true",
    }
    assert read_settings(environment, cpu_count=4) == Settings(
        port=9000,
        model_dir=Path("/models/one"),
        max_payload_mb=20,
        max_concurrent_transforms=8,
    )


def test_payload_limits_are_in_units_of_2_to_the_20() -> None:
    assert Settings(max_payload_mb=6).max_payload_bytes == 6 * 1024 * 1024
    assert Settings(max_payload_mb=0).max_payload_bytes is None


@pytest.mark.parametrize("value", ["six", "-1", "6.5", "²"])
def test_a_number_that_is_none_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match=f"SAGEMAKER_MAX_PAYLOAD_IN_MB is '{value}'"):
        read_settings({"SAGEMAKER_MAX_PAYLOAD_IN_MB": value}, cpu_count=4)

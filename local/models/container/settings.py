"""What the platform tells a container through its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.models.container.errors import SettingsError

DEFAULT_PORT = 8080
DEFAULT_MODEL_DIRECTORY = "/opt/ml/model"
DEFAULT_MAX_PAYLOAD_MB = 6
_BYTES_PER_MB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where to listen, what to serve, how much to take at once.

    Attributes:
        port: TCP port; 0 lets the system choose a free one, which the log then names.
        model_dir: directory the model archive was unpacked to.
        max_payload_mb: largest request body, in units of 2^20 bytes; 0 means no limit.
        max_concurrent_transforms: requests the container likes to have at once.
    """

    port: int = DEFAULT_PORT
    model_dir: Path = Path(DEFAULT_MODEL_DIRECTORY)
    max_payload_mb: int = DEFAULT_MAX_PAYLOAD_MB
    max_concurrent_transforms: int = 1

    @property
    def max_payload_bytes(self) -> int | None:
        """Largest request body in bytes; None where there is no limit."""
        return self.max_payload_mb * _BYTES_PER_MB or None


def read_settings(environment: Mapping[str, str], cpu_count: int) -> Settings:
    """Settings from the variables SageMaker sets.

    SAGEMAKER_BATCH, which a transform job sets, is not among them: it changes no answer here.

    Raises:
        SettingsError: a variable that should be a number is none.
    """
    return Settings(
        port=_number(environment, "SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT),
        model_dir=Path(environment.get("SM_MODEL_DIR") or DEFAULT_MODEL_DIRECTORY),
        max_payload_mb=_number(environment, "SAGEMAKER_MAX_PAYLOAD_IN_MB", DEFAULT_MAX_PAYLOAD_MB),
        max_concurrent_transforms=_number(
            environment, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", cpu_count
        ),
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"{name} is {text!r}, and must be a whole number of 0 or more")
    return int(text)

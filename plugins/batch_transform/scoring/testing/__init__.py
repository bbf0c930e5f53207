"""Fakes of everything outside: S3, SageMaker with its models and logs, a task's memory, a source.

For tests of this package and of pipelines of your own. What each stands for is said by the protocol
that it implements.
"""

from batch_transform.scoring.testing.memory import InMemoryMemory
from batch_transform.scoring.testing.rows import RowsSource
from batch_transform.scoring.testing.s3 import InMemoryObjects
from batch_transform.scoring.testing.sagemaker import (
    FakeAws,
    InMemoryJobs,
    InMemoryLogs,
    InMemoryModels,
)
from batch_transform.scoring.testing.simulated import (
    BROKEN,
    Died,
    Mishap,
    Refused,
    SimulatedTransform,
    TimedOut,
)
from batch_transform.scoring.testing.unloading import InMemoryEngine

__all__ = [
    "BROKEN",
    "Died",
    "FakeAws",
    "InMemoryEngine",
    "InMemoryJobs",
    "InMemoryLogs",
    "InMemoryMemory",
    "InMemoryModels",
    "InMemoryObjects",
    "Mishap",
    "Refused",
    "RowsSource",
    "SimulatedTransform",
    "TimedOut",
]

"""Commands as a shell would run them, in this process."""

import json
from dataclasses import dataclass

import pytest
import structlog
from typer.testing import CliRunner

from batch_transform.cli.program import command_line


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def log_of_its_own():
    """A command decides what its process logs; here other tests are of this process, too."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def invoke():
    """Run a command, with answers to what it asks."""

    def invoke(*arguments, answers="", env=None):
        words = [str(each) for each in arguments]
        ran = CliRunner().invoke(command_line(), words, input=answers, env=env)
        assert isinstance(ran.exception, SystemExit | None), ran.exception
        return Ran(code=ran.exit_code, out=ran.stdout, err=ran.stderr)

    return invoke

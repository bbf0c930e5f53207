"""The operator of docs/spark.md: one token for one piece of work."""

import re

import pytest
from airflow.providers.amazon.aws.operators.emr import EmrServerlessStartJobOperator

from tests.project import PROJECT

PAGE = (PROJECT / "docs" / "spark.md").read_text()
(BLOCK,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def token_of(monkeypatch):
    """The token with which the job of a day is started."""
    monkeypatch.setattr(
        EmrServerlessStartJobOperator, "execute", lambda self, context: self.client_request_token
    )

    def token_of(day):
        known, assigned = {}, BLOCK.replace("\nWriteSlices(", "\ntask = WriteSlices(")
        exec(compile(assigned, "spark.md", "exec"), known)  # noqa: S102
        known["task"].render_template_fields({"ds": day})
        arguments = known["task"].job_driver["sparkSubmit"]["entryPointArguments"]
        assert arguments[-1] == f"s3://lake/features/{day}"
        return known["task"].execute({})

    return token_of


def test_each_try_at_a_day_has_one_token_and_another_day_another(token_of):
    tokens = [token_of(day) for day in ("2013-06-01", "2013-06-01", "2013-06-02")]
    assert tokens[0] == tokens[1] != tokens[2]
    assert {len(token) for token in tokens} == {64}

"""Thousands of files that are wrong somewhere: each is a pipeline, or problems with their lines."""

import re
import shutil
from collections import Counter

import pytest

from batch_transform.scoring.errors import PipelineInvalid
from batch_transform.scoring.pipelines import read_pipeline
from tests.fuzz import mutated
from tests.project import PIPELINES

# file:line: the setting: what is wrong and allowed; the line is missing where a file is.
OF_A_KEY = re.compile(r"(?:pipeline|contract)\.yaml:\d+: .+?: \S.*")
OF_A_FILE = re.compile(
    r"pipeline\.yaml: (?:is empty|has more than \d+ characters)"
    r"|.+: (?:cannot be read: |is not UTF-8|is empty|\{).*"
)
# What pydantic, PyYAML and Python would say, and what nobody but us understands.
FOREIGN = re.compile(
    r"Input should|[Vv]alid dictionary|[Vv]alue error|instance of|pydantic|NoneType"
    r"|must be something else|\w+Error\b|Traceback|<class|object at 0x|tag:yaml|unhashable"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A copy of the shipped folders whose files may be overwritten."""
    root = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(PIPELINES, root, dirs_exist_ok=True)
    return root


def check(folders, seeds):
    """Read the file of each seed, and return how many are valid."""
    outcomes = Counter()
    for seed in seeds:
        name, text = mutated(seed)
        (folders / name / "pipeline.yaml").write_bytes(text.encode())
        try:
            read_pipeline(folders / name)
        except PipelineInvalid as refusal:
            outcomes["invalid"] += 1
            for problem in refusal.problems:
                check_problem(problem, f"seed {seed}:\n{problem}\n{text}")
        else:
            outcomes["valid"] += 1
    assert outcomes["valid"] >= len(seeds) * 0.02, f"of {outcomes} too few are nearly right"
    return outcomes


def check_problem(problem, told):
    of_a_key = OF_A_KEY.fullmatch(problem)
    assert of_a_key or OF_A_FILE.fullmatch(problem), told
    assert problem.isprintable(), told
    assert not FOREIGN.search(problem), told


def test_a_file_is_a_pipeline_or_problems_with_their_lines(folders):
    check(folders, range(1_000))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 11_000, 1_000))
def test_ten_thousand_files_are(folders, first):
    check(folders, range(first, first + 1_000))

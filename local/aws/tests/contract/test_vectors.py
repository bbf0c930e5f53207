import json

import pytest

from sagemaker_lab.vector_cases import OWN_VECTORS, VECTORS, VectorCase, load


@pytest.mark.parametrize("case", load(), ids=lambda case: case["name"])
def test_vector(case, sagemaker_local):
    assert VectorCase(case, sagemaker_local.endpoint_url).run() == []


def test_every_vector_is_run_and_named_once():
    names = [case["name"] for case in load()]
    published = json.loads(VECTORS.read_text())
    assert len(published) == 42
    assert (
        len(names) == len(set(names)) == len(published) + len(json.loads(OWN_VECTORS.read_text()))
    )

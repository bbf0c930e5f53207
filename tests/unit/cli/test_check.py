import shutil

import pytest

from tests.project import PIPELINES


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "pipelines"
    shutil.copytree(PIPELINES, root)
    return root


def break_one(root):
    path = root / "flight_delay" / "pipeline.yaml"
    path.write_text(path.read_text().replace("strategy: MultiRecord", "strategy: Many"))
    (root / "flight_delay" / "features.sql").write_text("SELECT 1")


def test_valid_pipelines_are_named(invoke, root):
    ran = invoke("check", root)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "flight_delay: valid",
        "support_sentiment: valid",
        "2 pipelines, all valid",
    ]


def test_every_problem_of_an_invalid_one_is_shown_where_it_is(invoke, root):
    break_one(root)
    ran = invoke("check", root)
    assert ran.code == 3
    *problems, valid, summary = ran.out.splitlines()
    assert problems[0] == "flight_delay: INVALID"
    assert problems[1].startswith(
        f"  {root}/flight_delay/pipeline.yaml:33: transform.strategy: must be 'MultiRecord' or"
    )
    assert problems[2].startswith(f"  {root}/flight_delay/features.sql: uses neither :partition")
    assert (valid, summary) == ("support_sentiment: valid", "2 pipelines; 1 invalid")


def test_a_program_reads_file_line_and_setting(invoke, root):
    break_one(root)
    ran = invoke("check", root, "--json")
    assert (ran.code, ran.json["valid"]) == (3, False)
    broken, fine = ran.json["pipelines"]
    assert fine == {"name": "support_sentiment", "valid": True, "problems": []}
    setting, query = broken["problems"]
    assert (setting["file"], setting["line"], setting["setting"]) == (
        "pipeline.yaml",
        33,
        "transform.strategy",
    )
    assert setting["what"].startswith("must be 'MultiRecord'")
    assert query["what"].startswith("features.sql: uses neither")


def test_the_folder_may_be_a_deployments(invoke, root):
    ran = invoke("check", env={"BATCH_TRANSFORM_PIPELINES": str(root)})
    assert ran.out.endswith("2 pipelines, all valid\n")


@pytest.mark.parametrize("by_path", [False, True], ids=["by its name", "by its folder"])
def test_one_is_checked_alone_beside_those_whose_table_it_may_share(invoke, root, by_path):
    break_one(root)
    shutil.copytree(root / "support_sentiment", root / "support_again")
    named = root / "support_again" if by_path else "support_again"
    ran = invoke("check", named, "--pipelines", root)
    assert ran.code == 3
    assert "flight_delay" not in ran.out
    assert "is the target of support_sentiment, too" in ran.out
    assert ran.out.endswith("1 pipeline; 1 invalid\n")


def test_no_such_folder_is_an_error_with_what_to_do(invoke, tmp_path):
    ran = invoke("check", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"error: {tmp_path}/nowhere is not a folder that can be listed; set")


def test_a_folder_without_a_pipeline_is_not_taken_for_valid(invoke, tmp_path):
    (tmp_path / "pipeline.schema.json").write_text("{}")
    ran = invoke("check", tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"error: {tmp_path} has no pipeline: each is a folder in it")

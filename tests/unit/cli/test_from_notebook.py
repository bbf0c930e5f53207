import pytest

from batch_transform.scoring.pipelines import read_pipeline
from tests.unit.scoring.drafts.test_jobs import SDK


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pipelines"


@pytest.fixture
def translate(invoke, root, tmp_path):
    def translate(text, *flags, name="My notebook.py"):
        (tmp_path / name).write_text(text)
        return invoke("from-notebook", tmp_path / name, "--pipelines", root, *flags)

    return translate


def test_a_notebook_becomes_a_valid_folder_and_what_is_left_to_do(translate, root):
    ran = translate(SDK)
    assert ran.code == 0
    settings = read_pipeline(root / "my_notebook").settings
    assert (settings.model.name, settings.transform.instance_type) == ("trees", "ml.m5.xlarge")
    assert (settings.transform.instance_count, settings.shards.min_count) == (2, 2)
    assert settings.transform.environment == {"THREADS": "2"}
    assert settings.transform.tags == {"team": "orchard"}
    assert settings.source.files == "s3://lake/apples/in/{{ partition }}/*"
    assert "note: a job does not say its columns" in ran.out


def test_a_program_reads_the_notes(translate):
    assert "see that no secret is in it" in str(translate(SDK, "--json").json["notes"])


TWO = "Transformer('a', 1, 'ml.m5.large')\nTransformer('b', 1, 'ml.m5.large')\n"


def test_of_several_jobs_one_is_chosen(translate, root):
    ran = translate(TWO)
    assert ran.code == 3
    assert "starts line 1 (Transformer), line 2 (Transformer); choose one with --line" in ran.err
    assert translate(TWO, "--line", "2", "--name", "pears").code == 0
    assert read_pipeline(root / "pears").settings.model.name == "b"


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        ("x = 1", "a.py", "starts no transform job that can be seen"),
        ("x", "a.txt", "is none of .py, .ipynb, .json"),
        ("x = (", "a.py", "cannot be read as .py"),
    ],
)
def test_what_has_no_job_is_refused(translate, root, text, name, problem):
    ran = translate(text, name=name)
    assert ran.code == 3
    assert problem in ran.err
    assert not root.exists()

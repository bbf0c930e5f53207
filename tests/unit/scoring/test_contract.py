import pytest

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import contract
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.testing import RowsSource
from tests.unit.scoring.test_pipelines import folder, problems_of  # noqa: F401

COLUMNS = ["apple_id", "weight", "colour"]
KINDS = {"apple_id": "integer", "weight": "float", "colour": "text"}
ROWS = [(1, None, "red"), (2, 0.5, "green")]


@pytest.fixture
def pipeline(make_pipeline):
    columns = tuple(Column(name=name, kind=kind) for name, kind in KINDS.items())
    return make_pipeline().model_copy(update={"contract": columns})


def test_a_source_that_keeps_the_contract_is_extracted(pipeline, partition, objects, layout):
    index = extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)
    assert index.types == ("integer", "float", "text")
    assert index.contract == contract.digest(pipeline.contract)


def test_the_contract_knows_what_an_empty_column_would_hold(pipeline, partition, objects, layout):
    rows = [(1, None, "red")]
    index = extract(pipeline, partition, RowsSource(COLUMNS, rows), objects, layout)
    assert index.types == ("integer", "float", "text")


@pytest.mark.parametrize(
    ("columns", "row", "marked"),
    [
        (["apple_id", "mass", "colour"], (1, 0.5, "red"), ["* weight float mass"]),
        (["apple_id", "colour", "weight"], (1, "red", 0.5), ["* weight float", "* colour text"]),
        ([*COLUMNS, "smell"], (1, 0.5, "red", "sweet"), ["* smell"]),
        (["apple_id", "weight"], (1, 0.5), ["* colour text"]),
        (COLUMNS, (1, 5, "red"), ["* weight float weight integer"]),
    ],
    ids=["renamed", "reordered", "added", "missing", "re-typed"],
)
def test_another_column_is_refused_before_a_shard_is_written_with_both_lists_side_by_side(
    pipeline, partition, objects, layout, columns, row, marked
):
    with pytest.raises(SourceError) as refusal:
        extract(pipeline, partition, RowsSource(columns, [row]), objects, layout)
    shown = [" ".join(line.split()) for line in str(refusal.value).splitlines()]
    for start in marked:
        assert any(line.startswith(start) for line in shown), shown
    assert sum(line.startswith("*") for line in shown) == len(marked)
    assert objects.content == {}


def test_a_value_of_another_kind_later_on_leaves_no_index(pipeline, partition, objects, layout):
    rows = [(number, 0.5, "red") for number in range(10_000)] + [(10_000, 1, "red")]
    with pytest.raises(SourceError, match="Row apple_id=10000: column weight holds a value of ki"):
        extract(pipeline, partition, RowsSource(COLUMNS, rows), objects, layout)
    assert layout.index not in objects.content


def test_the_digest_is_of_names_kinds_and_order():
    columns = [Column(name=name, kind=kind) for name, kind in KINDS.items()]
    digests = {
        contract.digest(columns),
        contract.digest(columns[::-1]),
        contract.digest([*columns[:2], Column(name="colour", kind="nested")]),
        contract.digest([*columns[:2], Column(name="color", kind="text")]),
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "apple_id: integer\nweight: number\ncolour: text\n",
            "contract.yaml:2: weight: 'number' is no",
        ),
        (
            "apple_id: integer\ncolour: text\nweight: float\n",
            "contract.yaml:1: the file: its columns must be r",
        ),
        ("[apple_id]\n", "contract.yaml:1: the file: is not a mapping of columns to kinds"),
        ("apple_id: [\n", "contract.yaml:2: the file: is not YAML"),
        ("apple_id: integer\napple_id: text\n", "contract.yaml:2: apple_id: is given twice"),
    ],
)
def test_a_contract_file_is_checked_with_the_pipeline(folder, text, problem):  # noqa: F811
    (folder / "contract.yaml").write_text(text)
    assert problem in problems_of(folder)


def test_a_contract_file_is_read_with_the_pipeline(folder):  # noqa: F811
    assert read_pipeline(folder).contract is None
    columns = read_pipeline(folder).settings.record.columns
    (folder / "contract.yaml").write_text("".join(f"{name}: text\n" for name in columns))
    assert read_pipeline(folder).contract == tuple(
        Column(name=name, kind="text") for name in columns
    )

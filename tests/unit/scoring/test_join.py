from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.errors import ManifestError, SourceError
from batch_transform.scoring.extract import manifest, snapshot
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.index import ExtractIndex, Portion
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.extract.portions import sent_to_jobs
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.testing import InMemoryObjects, RowsSource
from tests.unit.scoring.conftest import SETTINGS

COLUMNS = ["apple_id", "weight", "colour"]
ROWS = [(number, number / 4, "red") for number in range(-5, 15)]
CUTS = [{"slices": 3}, {"ranges": [0, 4]}]


def attempt(name):
    return RunLayout.of(S3Uri.parse("s3://bucket/runs"), "apples", "2013-06-01", name)


@pytest.fixture
def sliced(objects, partition):
    """Extract slices, each below a prefix of its own, and return where their indexes lie."""

    def sliced(pipeline, rows=ROWS, order=None, attempts="first"):
        parts = slices(pipeline.settings.extract)
        uris = {}
        for number in order or range(len(parts)):
            layout = attempt(f"{attempts}-{number}")
            source = RowsSource(COLUMNS, rows, parts[number])
            extract(pipeline, partition, source, objects, layout)
            uris[number] = str(layout.index)
        return list(uris.values())

    return sliced


def below(objects, layout):
    """What lies below a prefix, by its name there."""
    root = f"{layout.attempt_root.key}/"
    return {
        uri.key.removeprefix(root): body
        for uri, body in objects.content.items()
        if uri.key.startswith(root)
    }


def lines(objects, index, layout):
    bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
    return b"".join(bodies).splitlines()


@pytest.mark.parametrize("cut", CUTS)
def test_slices_in_any_order_of_finish_are_joined_to_the_same_bytes(
    make_pipeline, objects, sliced, cut
):
    pipeline = make_pipeline(extract=cut, shards={"max_records": 3}, record={"compression": "gzip"})
    joined = []
    for number, order in enumerate(permutations(range(3))):
        uris = sliced(pipeline, order=order, attempts=f"run-{number}")
        layout = attempt(f"join-{number}")
        index = join(pipeline, uris, objects, layout)
        assert index == ExtractIndex.from_json(objects.get(layout.index))
        joined.append(below(objects, layout))
        del joined[-1]["snapshot.json"]  # when, and not what
    assert all(each == joined[0] for each in joined)
    assert list(joined[0]) == sorted(joined[0], key=lambda name: (name == "input/index.json", name))
    assert [shard.name for shard in index.shards] == [
        f"part-{number:05d}.csv.gz" for number in range(len(index.shards))
    ]


@pytest.mark.parametrize("cut", CUTS)
def test_one_index_has_every_row_once_and_the_manifest_lists_its_shards(
    make_pipeline, objects, layout, partition, sliced, cut
):
    pipeline = make_pipeline(extract=cut, shards={"min_count": 2})
    index = join(pipeline, sliced(pipeline), objects, layout)
    whole = extract(make_pipeline(), partition, RowsSource(COLUMNS, ROWS), objects, attempt("all"))
    assert sorted(lines(objects, index, layout)) == sorted(lines(objects, whole, attempt("all")))
    same = {"columns", "types", "contract", "query", "records", "partition", "part"}
    assert index.model_dump(include=same) == whole.model_dump(include=same)
    listed = manifest.parse(objects.get(manifest.write(index, layout, objects)))
    assert listed == [layout.input / shard.name for shard in index.shards]


@given(st.integers(1, 6), st.integers(2, 5), st.lists(st.integers(-9, 9), unique=True, max_size=9))
def test_there_are_as_many_shards_as_instances_where_there_are_as_many_rows(least, count, ids):
    settings = {**SETTINGS, "extract": {"slices": count}, "shards": {"min_count": least}}
    pipeline = Pipeline(
        name="apples", folder=".", settings=PipelineFile.model_validate(settings), query="SELECT 1"
    )
    day = Partition(day=SETTINGS["start_date"], timezone="UTC")
    objects, uris = InMemoryObjects(), []
    rows = [(number, 0.5, "red") for number in ids]
    for part in slices(pipeline.settings.extract):
        layout = attempt(f"slice-{part.number}")
        extract(pipeline, day, RowsSource(COLUMNS, rows, part), objects, layout)
        uris.append(str(layout.index))
    index = join(pipeline, uris, objects, attempt("join"))
    assert index.records == len(ids)
    assert len(index.shards) >= min(least, len(ids))


def test_no_rows_in_any_slice_are_an_index_without_shards(make_pipeline, objects, layout, sliced):
    pipeline = make_pipeline(extract={"slices": 3})
    index = join(pipeline, sliced(pipeline, rows=[]), objects, layout)
    assert (index.records, index.shards, index.types) == (0, (), (None, None, None))
    assert list(below(objects, layout)) == ["snapshot.json", "input/index.json"]


def test_what_is_joined_was_read_when_its_first_slice_was(make_pipeline, objects, layout, sliced):
    pipeline = make_pipeline(extract={"slices": 3})
    uris = sliced(pipeline)
    slices_read = [datetime(2013, 6, 2, hour, tzinfo=UTC) for hour in (3, 2, 4)]
    for uri, moment in zip(uris, slices_read, strict=True):
        snapshot.write(RunLayout.of_index(uri), objects, moment)
    join(pipeline, uris, objects, layout)
    assert snapshot.read(layout, objects) == min(slices_read)


def test_a_kind_that_one_slice_knows_is_known_of_all(make_pipeline, objects, layout, sliced):
    pipeline = make_pipeline(extract={"ranges": [1, 2, 3]})
    rows = [(1, None, "red"), (3, 0.5, None)]
    index = join(pipeline, sliced(pipeline, rows), objects, layout)
    assert index.types == ("integer", "float", "text")


def test_a_column_of_two_kinds_is_refused_as_it_is_without_slices(
    make_pipeline, objects, layout, sliced
):
    pipeline = make_pipeline(extract={"slices": 2})
    uris = sliced(pipeline, [(1, 0.5, "red"), (2, 1, "red")])
    with pytest.raises(SourceError, match="weight is float in slice 1, integer in slice 0; cast"):
        join(pipeline, uris, objects, layout)
    assert below(objects, layout) == {}


def test_a_null_id_is_refused_by_a_slice(make_pipeline, sliced):
    pipeline = make_pipeline(extract={"slices": 3})
    with pytest.raises(SourceError, match="id column apple_id holds NULL"):
        sliced(pipeline, [*ROWS, (None, 0.5, "red")])


def test_an_id_that_comes_twice_is_refused_by_a_slice(make_pipeline, sliced):
    with pytest.raises(SourceError, match="Two rows have the same apple_id"):
        sliced(make_pipeline(extract={"slices": 3}), [*ROWS, ROWS[-1]])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda uris: uris[:2], r"each of the 3 slices of pipeline.yaml once, but: ids that are 0"),
        (lambda uris: [*uris, uris[0]], "ids that are 0 modulo 3; ids that are 0 modulo 3; ids"),
        (lambda uris: [], "once, but: nothing. Clear every task of extract"),
    ],
)
def test_slices_that_are_missing_or_come_twice_are_refused(
    make_pipeline, objects, layout, sliced, change, told
):
    pipeline = make_pipeline(extract={"slices": 3})
    with pytest.raises(SourceError, match=told):
        join(pipeline, change(sliced(pipeline)), objects, layout)
    assert below(objects, layout) == {}


def test_slices_of_another_cut_are_refused(make_pipeline, objects, layout, sliced):
    before, now = make_pipeline(extract={"slices": 2}), make_pipeline(extract={"slices": 3})
    uris = [sliced(before)[0], *sliced(now, attempts="later")[1:]]
    with pytest.raises(SourceError, match="but: ids that are 0 modulo 2; ids that are 1 modulo 3"):
        join(now, uris, objects, layout)


def test_a_whole_extract_is_no_slice(make_pipeline, objects, layout, partition, sliced):
    pipeline = make_pipeline(extract={"slices": 2})
    extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, attempt("whole"))
    uris = [*sliced(pipeline)[:1], str(attempt("whole").index)]
    with pytest.raises(SourceError, match="but: all; ids that are 0 modulo 2"):
        join(pipeline, uris, objects, layout)


@pytest.mark.parametrize(
    ("name", "changed"),
    [("query", "SELECT 2"), ("partition", "2013-06-02"), ("columns", ["apple_id", "w", "colour"])],
)
def test_slices_of_different_work_are_refused(
    make_pipeline, objects, layout, sliced, name, changed
):
    pipeline = make_pipeline(extract={"slices": 2})
    uris = sliced(pipeline)
    other = RunLayout.of_index(uris[1]).index
    index = ExtractIndex.from_json(objects.get(other))
    body = ExtractIndex.model_validate({**index.model_dump(), name: changed}).to_json()
    objects.put(other, body)
    with pytest.raises(SourceError, match=f"Slice 1 has another {name} than slice 0"):
        join(pipeline, uris, objects, layout)


def test_a_contract_is_held_over_all_slices(make_pipeline, objects, layout, sliced):
    plain = make_pipeline(extract={"slices": 2})
    uris = sliced(plain)
    kinds = {"apple_id": "integer", "weight": "decimal", "colour": "text"}
    contract = tuple(Column(name=name, kind=kind) for name, kind in kinds.items())
    with pytest.raises(SourceError, match=r"\* weight decimal +weight float"):
        join(plain.model_copy(update={"contract": contract}), uris, objects, layout)


def test_a_shard_that_is_not_what_its_slice_wrote_is_refused(
    make_pipeline, objects, layout, sliced
):
    pipeline = make_pipeline(extract={"slices": 2})
    uris = sliced(pipeline)
    shard = RunLayout.of_index(uris[1]).input / "part-00000.csv"
    objects.put(shard, objects.get(shard)[::-1])
    with pytest.raises(ManifestError, match="The copy of .*part-00000.csv is not what"):
        join(pipeline, uris, objects, layout)
    assert layout.index not in objects.content
    del objects.content[shard]
    with pytest.raises(ManifestError, match="part-00000.csv of a slice is missing"):
        join(pipeline, uris, objects, layout)


def test_records_too_large_are_set_aside_together(make_pipeline, objects, layout, sliced):
    pipeline = make_pipeline(
        extract={"slices": 3},
        shards={"max_bytes": 16},
        record={"policies": {"oversized": "quarantine"}},
    )
    rows = [*ROWS[:3], (22, 0.5, "yellow as a lemon"), (21, 0.5, "green as grass")]
    uris = sliced(pipeline, rows)
    index = join(pipeline, uris, objects, layout)
    assert (index.records, index.quarantined) == (3, 2)
    assert below(objects, layout)["quarantine/oversized.csv"] == (
        b"21,0.5,green as grass\n22,0.5,yellow as a lemon\n"
    )
    kept = RunLayout.of_index(uris[1]).attempt_root / "quarantine" / "oversized.csv"
    objects.put(kept, b"")
    with pytest.raises(ManifestError, match="oversized.csv is not what its slice wrote"):
        join(pipeline, uris, objects, attempt("again"))


def joined_for_jobs(make_pipeline, objects, sliced, name="join", rows=ROWS, jobs=2):
    """What slices are joined to for several jobs: the whole's layout and index, and each job's."""
    pipeline = make_pipeline(
        extract={"slices": 4}, shards={"max_records": 2}, transform={"jobs": jobs}
    )
    layout = attempt(name)
    index = join(pipeline, sliced(pipeline, rows, attempts=name), objects, layout)
    places = layout.of_jobs(jobs)
    return layout, index, [ExtractIndex.from_json(objects.get(each.index)) for each in places]


def test_each_job_has_neighbouring_slices_below_a_prefix_of_its_own(make_pipeline, objects, sliced):
    layout, whole, parts = joined_for_jobs(make_pipeline, objects, sliced)
    assert [part.portion for part in parts] == [
        Portion(job=number, of_records=len(ROWS)) for number in range(2)
    ]
    assert tuple(shard for part in parts for shard in part.shards) == whole.shards
    ids = [
        {int(line.split(b",")[0]) for line in lines(objects, part, layout.of_job(number))}
        for number, part in enumerate(parts)
    ]
    assert ids == [{n for n, *_ in ROWS if n % 4 // 2 == number} for number in range(2)]
    assert [part.share for part in parts] == [0.5, 0.5]
    assert sent_to_jobs(whole, layout, objects) == parts
    for number, part in enumerate(parts):
        assert part.shards[0].name == f"part-{number:02d}-00000.csv"
        manifest.write(part, layout.of_job(number), objects)  # heads each shard where it says


def test_what_one_job_is_sent_does_not_depend_on_the_slices_of_another(
    make_pipeline, objects, sliced
):
    _, _, before = joined_for_jobs(make_pipeline, objects, sliced)
    more = [*ROWS, *((4 * number, 0.5, "red") for number in range(20, 30))]
    _, _, after = joined_for_jobs(make_pipeline, objects, sliced, "again", rows=more)
    assert after[1].shards == before[1].shards, "names too: outputs are found by them"
    assert after[0].shards[: len(before[0].shards)] != after[0].shards


def test_a_job_without_records_is_none(make_pipeline, objects, sliced):
    rows = [row for row in ROWS if row[0] % 4 < 2]
    layout, whole, parts = joined_for_jobs(make_pipeline, objects, sliced, rows=rows)
    assert sent_to_jobs(whole, layout, objects) == parts[:1]
    assert parts[1].shards == ()


def test_what_one_job_is_sent_is_all_there_is(make_pipeline, objects, sliced):
    layout, whole, _ = joined_for_jobs(make_pipeline, objects, sliced, jobs=1)
    assert sent_to_jobs(whole, layout, objects) == [whole]
    assert (whole.jobs, whole.portion, whole.share) == (1, None, 1.0)

"""The job of docs/spark.md, run by a local Spark: its slices give the shards of the rows."""

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.sources.reshape import Reshape
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded.written_source import WrittenSource
from batch_transform.scoring.testing import InMemoryObjects
from tests.project import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, 17 or older"),
]
JOB = PROJECT / "docs" / "spark" / "extract_job.py"
UV = Path(sys.executable).with_name("uv")
OPTIONS = (
    "--master local[2] --driver-memory 700m --conf spark.ui.enabled=false"
    " --conf spark.sql.shuffle.partitions=4 --conf spark.driver.host=127.0.0.1 pyspark-shell"
)
DAYS = (date(2013, 6, 1), date(2013, 6, 2))
RESHAPE = """
def reshape(frame):
    frame["weight"] = frame["weight"] * 2
    return frame[["apple_id", "weight", "colour"]]
"""
ROWS = {
    "apple_id": [number * 7 - 50 for number in range(1_000)],
    "weight": [number / 3 for number in range(1_000)],
    "colour": [None if number % 9 == 0 else f' c "{number}", é ' for number in range(1_000)],
    "day": [DAYS[number % 2] for number in range(1_000)],
}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python that has PySpark, and nothing of ours."""
    folder = tmp_path_factory.mktemp("spark") / "venv"
    pins = Path(__file__).with_name("spark.txt")
    interpreter = folder / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "sync", "--quiet", "--python", interpreter, pins]
    subprocess.run(install, check=True)
    return interpreter


@pytest.fixture
def run(python, tmp_path):
    """Run the job on the rows, and put what it has written into a store."""
    parquet.write_table(pa.table(ROWS), tmp_path / "rows.parquet")
    into = tmp_path / "lake" / "2013-06-01"

    def run(*options):
        command = [python, JOB, "--source", f"file://{tmp_path}/rows.parquet"]
        command += ["--where", "day = '2013-06-01'", "--id", "apple_id", *options]
        inherited = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
        done = subprocess.run(
            [*command, "--into", f"file://{into}"],
            env={**inherited, "PYSPARK_SUBMIT_ARGS": OPTIONS, "PYSPARK_PYTHON": str(python)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        objects = InMemoryObjects()
        for path in into.rglob("*"):
            if path.is_file():
                body = path.read_bytes().replace(f"file://{tmp_path}".encode(), b"s3:/")
                objects.put(S3Uri("lake", str(path.relative_to(tmp_path / "lake"))), body)
        return objects

    return run


def shards(objects, pipeline, day, source_of):
    found = []
    for part in slices(pipeline.settings.extract):
        layout = RunLayout(attempt_root=S3Uri("runs", f"slice-{part.number}"))
        index = extract(pipeline, day, source_of(part), objects, layout)
        found += [objects.get(layout.input / shard.name) for shard in index.shards]
    return found


@pytest.fixture
def expected(make_file_pipeline, partition):
    """The shards of the same rows, read from a file."""

    def expected(reshape=None, **cut):
        objects, body = InMemoryObjects(), pa.BufferOutputStream()
        table = pa.table(ROWS)
        mine = [each == DAYS[0] for each in ROWS["day"]]
        parquet.write_table(table.filter(pa.array(mine)), body)
        objects.put(S3Uri("lake", "2013-06-01/rows.parquet"), body.getvalue().to_pybytes())
        source = {"files": "s3://lake/{{ partition }}/*.parquet", "format": "parquet"}
        pipeline = make_file_pipeline(source, extract=cut)
        more = {"reshape": Reshape(reshape)} if reshape else {}
        return shards(
            objects, pipeline, partition, lambda part: FileSource(objects, part=part, **more)
        )

    return expected


@pytest.mark.parametrize(
    ("options", "cut"),
    [(["--slices", "3"], {"slices": 3}), (["--ranges", "[0, 3000]"], {"ranges": [0, 3000]})],
)
def test_slices_of_spark_give_the_shards_of_the_rows(
    run,
    expected,
    make_file_pipeline,
    partition,
    options,
    cut,
):
    objects = run(*options)
    source = {"files": "s3://lake/{{ partition }}/unloaded.json", "format": "unloaded"}
    pipeline = make_file_pipeline(source, extract=cut)
    came = shards(objects, pipeline, partition, lambda part: WrittenSource(objects, part=part))
    assert came == expected(**cut)
    assert len(came) >= 3


def test_a_pipelines_reshape_runs_in_spark(
    run,
    expected,
    make_file_pipeline,
    partition,
    tmp_path,
):
    path = tmp_path / "reshape.py"
    path.write_text(RESHAPE)
    columns = "apple_id bigint, weight double, colour string"
    objects = run("--slices", "2", "--reshape", str(path), "--columns", columns)
    source = {"files": "s3://lake/{{ partition }}/unloaded.json", "format": "unloaded"}
    pipeline = make_file_pipeline(source, extract={"slices": 2})
    came = shards(objects, pipeline, partition, lambda part: WrittenSource(objects, part=part))
    assert came == expected(path, slices=2)

"""Breaks the product on purpose, one way after the other, and counts how many the suite finds.

``python -m tests.chaos.breaks`` copies the plugins for each, changes a few words, and makes steps
until one falls.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_PLUGINS = Path(__file__).parents[2] / "plugins"
_ARGUMENTS = ("--until-a-fall", "--steps", "60", "--acts", "24", "--mixes", "9", "--minutes", "6")


@dataclass(frozen=True)
class Break:
    """A change of the product that breaks a promise.

    Attributes:
        name: what is broken.
        file: below ``plugins/batch_transform``.
        words: that are there.
        instead: what takes their place.
    """

    name: str
    file: str
    words: str
    instead: str


_OWNERS = "scoring/jobs/owners.py"
_START = "scoring/jobs/start.py"
_POSTGRES = "scoring/warehouse/postgres.py"
_SQL = "scoring/warehouse/queries.sql"
BREAKS = (
    Break(
        "a job is stopped though another run wants it",
        _OWNERS,
        'if any(key.startswith(f"{_OWNER_TAG}:") for key in jobs.tags(job.arn)):',
        "if False:",
    ),
    Break(
        "who attaches does not become an owner",
        _OWNERS,
        "    jobs.tag(job.arn, owner.mark)",
        "    return",
    ),
    Break(
        "the janitor stops nothing",
        "scoring/jobs/sweep.py",
        "return jobs.tags(arn) == tags and jobs.stop(name)",
        "return False",
    ),
    Break(
        "the janitor takes every owner for dead",
        "operators/janitor.py",
        "or is_alive(owner)",
        "or False",
    ),
    Break(
        "a job's name has chance in it",
        "scoring/jobs/request.py",
        '"package": PACKAGE_MAJOR_VERSION,',
        '"package": __import__("uuid").uuid4().hex,',
    ),
    Break("a job that exists is not attached to", _START, "if found is not None:", "if False:"),
    Break(
        "a round of recovery is named by its attempt",
        "scoring/recovery/rounds.py",
        "content_digest([content, search.contents.count(content)])",
        "content_digest([content, search.contents.count(content), str(search.run.root)])",
    ),
    Break(
        "what a partition held is deleted in a transaction of its own",
        _POSTGRES,
        'self._statements.run("delete_partition", parts)',
        'self._statements.run("delete_partition", parts);'
        ' self._statements.connection.execute("COMMIT; BEGIN")',
    ),
    Break(
        "the ledger is written apart from the rows",
        _POSTGRES,
        "            self._record(load)\n            self._statements.commit_follows()",
        "        with self._statements.connection.transaction():\n            self._record(load)",
    ),
    Break(
        "a partition's table is detached in a transaction of its own",
        "scoring/warehouse/partitions.py",
        '        statements.run("drop_part", {"part": old})',
        '        statements.run("drop_part", {"part": old});'
        ' statements.connection.execute("COMMIT; BEGIN")',
    ),
    Break(
        "loads of a partition do not take turns",
        _SQL,
        "SELECT pg_advisory_lock(hashtextextended({name}, 0))",
        "SELECT 1",
    ),
    Break(
        "rows that a new load lacks stay",
        _SQL,
        "WHERE old.{partition_column} = {partition}\n    AND NOT EXISTS (SELECT 1 FROM {stage}",
        "WHERE false AND NOT EXISTS (SELECT 1 FROM {stage}",
    ),
    Break("bad records are in no quarantine", _POSTGRES, "if load.quarantined:", "if False:"),
    Break(
        "the ledger counts no bad records",
        "scoring/publish/load.py",
        "quarantined=len(account.quarantined),",
        "quarantined=0,",
    ),
    Break(
        "an index has a clock in it",
        "scoring/extract/index.py",
        'return (self.model_dump_json(indent=1) + "\\n").encode()',
        'return (self.model_dump_json(indent=1) + " " * (__import__("time").time_ns() % 97)'
        ' + "\\n").encode()',
    ),
    Break(
        "a COPY that breaks off is taken for a whole one",
        "scoring/sources/postgres/stream.py",
        "            queue.put(error)",
        "            queue.put(None)",
    ),
    Break(
        "what waiting cures is not tried again",
        "failures.py",
        "if isinstance(error, Transient):",
        "if False:",
    ),
    Break(
        "a body that breaks off is taken for a refusal",
        "scoring/aws/codes.py",
        'raise Unreachable(f"AWS cannot be reached: {error}") from error',
        'raise RequestRefused(f"AWS cannot be reached: {error}") from error',
    ),
    Break(
        "what a killed task leaves on the disk stays",
        "scoring/scratch.py",
        "        _clear_abandoned(root)\n",
        "",
    ),
    Break(
        "a person who marks a task is not asked about",
        "scoring/jobs/sweep.py",
        "any(map(is_alive, known.of_deployment))",
        "known.of_deployment",
    ),
)


def is_found(each):
    """Break a copy of the product, and tell what fell of it; nothing where the suite is content."""
    with tempfile.TemporaryDirectory(prefix="broken-") as folder:
        plugins = Path(folder) / "plugins"
        shutil.copytree(_PLUGINS, plugins)
        path = plugins / "batch_transform" / each.file
        text = path.read_text()
        if text.count(each.words) != 1:
            raise ValueError(f"{each.file} has {text.count(each.words)} times: {each.words}")
        path.write_text(text.replace(each.words, each.instead))
        ran = subprocess.run(
            [sys.executable, "-m", "tests.chaos", *_ARGUMENTS],
            env={**os.environ, "CHAOS_PLUGINS": str(plugins)},
            capture_output=True,
            text=True,
            check=False,
        )
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    falls = [number for number, line in enumerate(said) if line.startswith("FALL")]
    why = " ".join(said[falls[0] : falls[0] + 2]) if falls else said[-1]
    return why[:300] if ran.returncode else ""


def main():
    """Break one after the other; those whose number is given, or all."""
    numbers = [int(each) for each in sys.argv[1:]] or range(1, len(BREAKS) + 1)
    missed = 0
    for number in numbers:
        found = is_found(BREAKS[number - 1])
        missed += not found
        print(f"{number:2} {BREAKS[number - 1].name}: {found or 'NOT FOUND'}", flush=True)
    print(f"{len(list(numbers)) - missed} of {len(list(numbers))} found")
    sys.exit(missed > 1)


if __name__ == "__main__":
    main()

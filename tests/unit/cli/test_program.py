"""The command line as a whole: its commands, its errors, and what it costs Airflow."""

import subprocess
import sys
from pathlib import Path

import pytest

from batch_transform.cli import result
from batch_transform.cli.program import COMMANDS
from batch_transform.cli.result import EXITS, Outcome, finish
from batch_transform.scoring import errors
from tests.project import PROJECT


def ended(make, *, as_json=False):
    """The exit code of a command that does so."""
    try:
        finish(make, as_json=as_json)
    except Exception as error:  # typer's, for its own caller
        return error.exit_code
    return 0


def raising(error):
    def make():
        raise error

    return make


def kinds(tree=errors.ScoringError):
    return {tree, *(kind for below in tree.__subclasses__() for kind in kinds(below))}


RAISED = kinds() - {errors.ScoringError, errors.PipelineInvalid}


@pytest.mark.parametrize("kind", sorted(RAISED, key=lambda kind: kind.__name__))
def test_every_error_of_the_package_has_an_exit_code_of_its_kind(capsys, kind):
    expected = next(code for each, code, _ in EXITS if issubclass(kind, each))
    assert ended(raising(kind("it broke; mend it"))) == expected > 2
    page = f"more: docs/operating.md#{kind.__name__.lower()}\n"
    assert capsys.readouterr() == ("", f"error: it broke; mend it\n{page}")


def test_an_error_is_json_where_that_is_asked_for(capsys):
    assert ended(raising(errors.JobFailed("it broke")), as_json=True) == 5
    shown = capsys.readouterr()
    assert shown.err == ""
    assert '"kind": "JobFailed"' in shown.out
    assert '"exit_code": 5' in shown.out


def test_what_nobody_has_foreseen_shows_no_traceback_and_keeps_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(result.tempfile, "tempdir", str(tmp_path))
    assert ended(raising(KeyError("apples"))) == 1
    shown = capsys.readouterr().err
    (log,) = tmp_path.iterdir()
    assert shown.startswith("error: KeyError: 'apples'. Nobody has foreseen this")
    assert str(log) in shown
    assert "Traceback" not in shown
    assert "Traceback" in log.read_text()


def test_ctrl_c_is_no_mistake(capsys):
    assert ended(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error: Ended by Ctrl-C, before it was done.\n"


def test_a_commands_own_code_is_the_process_code(capsys):
    assert ended(lambda: Outcome(text="done", content={}, code=3)) == 3
    assert ended(lambda: Outcome(text="done", content={})) == 0
    assert capsys.readouterr() == ("done\ndone\n", "")


def test_every_command_has_its_module_its_help_and_json(invoke):
    for work in COMMANDS:
        name = work.__name__.replace("_", "-")
        assert work.__module__ == f"batch_transform.cli.{work.__name__}"
        shown = invoke(name, "--help").out
        assert "--json" in shown
        assert work.__doc__.partition("\n")[0].rstrip(".") in " ".join(shown.split())


def test_a_wrong_word_is_told_from_a_command(invoke):
    ran = invoke("chekc")
    assert ran.code == 2
    assert "No such command 'chekc'" in ran.err


def test_a_plugins_folder_has_the_command_as_a_module(tmp_path):
    shown = subprocess.run(
        [sys.executable, "-m", "batch_transform.cli", "schema", "--out", "schema.json"],
        env={"PYTHONPATH": str(PROJECT / "plugins"), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "Wrote schema.json\n"
    published = Path(PROJECT / "docs" / "pipeline.schema.json").read_text()
    assert (tmp_path / "schema.json").read_text() == published

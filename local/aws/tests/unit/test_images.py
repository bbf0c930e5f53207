"""The containers file."""

import sys

import pytest

from sagemaker_local.containers import Containers, ContainersFileError, UnknownImageError

ONE = 'images: {one:1: {command: ["{python}", "{folder}/one.py", "-v"]}}\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "containers.yaml"
    path.write_text(ONE)
    return path


def test_python_and_folder_are_filled_in(file):
    program = str(file.parent / "one.py")
    assert Containers(file).command("one:1") == (sys.executable, program, "-v")


def test_an_image_added_to_the_file_can_be_used_at_once(file):
    containers = Containers(file)
    file.write_text(ONE.replace("one:1", "two:1"))
    assert containers.command("two:1")
    with pytest.raises(UnknownImageError):
        containers.command("one:1")


def test_an_unknown_image_says_where_to_add_it_and_what_there_is(file):
    with pytest.raises(UnknownImageError) as caught:
        Containers(file).command("none:1")
    assert str(caught.value) == (
        f"there is no command for image none:1; add it under `images:` in {file}, "
        "or PUT it to /_local/containers; the images are: one:1"
    )


def test_without_a_file_it_says_how_to_name_one():
    with pytest.raises(UnknownImageError, match="--containers FILE.*the images are: none yet"):
        Containers().command("none:1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("images: [", "cannot read"),
        ("[]", "must be `images:`"),
        ("images: {one:1: program}", "one:1 needs `command`, a list of words"),
        ("images: {one:1: {command: program}}", "one:1 needs `command`, a list of words"),
        ("images: {one:1: {command: []}}", "one:1 needs `command`, a list of words"),
    ],
)
def test_a_file_of_another_form_is_refused(file, text, reason):
    containers = Containers(file)
    file.write_text(text)
    with pytest.raises(ContainersFileError, match=reason):
        containers.command("one:1")

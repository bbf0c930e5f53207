"""A shard and its output, a line at a time."""

import pytest

from batch_transform.scoring.outputs.answers import Misfit, read_answers
from batch_transform.scoring.outputs.coverage import Part
from batch_transform.scoring.outputs.fetch import Fetched
from batch_transform.scoring.outputs.replies import Miscounted, ShardWrong
from batch_transform.scoring.outputs.shape import Shape
from batch_transform.scoring.pipeline import Prediction
from tests.factories import a_shard

SENT = {
    "csv": b"1,red\n2,green\n3,red\n",
    "jsonl": b'{"apple_id":1}\n{"apple_id":2}\n{"apple_id":3}\n',
}


def a_shape(form, at="$", **changes):
    prediction = Prediction(at=at, nullable=True)
    facts = {
        "sent": form,
        "answered": form,
        "joined": False,
        "whole": True,
        "columns": ("apple_id", "colour"),
        "ids": 1,
        "predictions": {"sweetness": prediction},
    }
    return Shape(**{**facts, **changes})


@pytest.fixture
def files(tmp_path):
    def files(form, answered, records=3):
        shard = a_shard("part", records=records)
        part = Part(sent=shard, sent_at="", answered_at="", shard="part")
        found = Fetched(part=part, sent=tmp_path / "sent", answered=tmp_path / "answered", lines=3)
        found.sent.write_bytes(SENT[form])
        found.answered.write_bytes(answered)
        return found

    return files


def read(files, shape):
    """What each record has: its value, or the reason why there is none."""
    return [
        each.reason if isinstance(each, Misfit) else each[1][0]
        for each in read_answers(files, shape)
    ]


REFUSED = "the model answered 'ERROR', its word for a record it cannot score"


@pytest.mark.parametrize(
    ("shape", "answered"),
    [
        (a_shape("csv", 0), b"0.5\nERROR\n\n"),
        (a_shape("csv", 2, joined=True), b"1,red,0.5\n2,green,ERROR\n3,red,\n"),
        (a_shape("jsonl"), b'0.5\n"ERROR"\nnull\n'),
        (a_shape("jsonl", "score"), b'{"score":0.5}\n{"score":"ERROR"}\n{"score":null}\n'),
        (a_shape("jsonl", "score"), b'{"score":0.5}\n"ERROR"\n{"score":null}\n'),
        (
            a_shape("jsonl", "score", joined=True),
            b'{"apple_id":1,"SageMakerOutput":{"score":0.5}}\n'
            b'{"apple_id":2,"SageMakerOutput":"ERROR"}\n'
            b'{"apple_id":3,"SageMakerOutput":{"score":null}}\n',
        ),
    ],
)
def test_the_models_word_for_a_record_that_it_cannot_score_is_no_prediction(files, shape, answered):
    found = files(shape.sent, answered)
    with_word = Shape(**{**vars(shape), "placeholder": "ERROR"})
    assert read(found, with_word) == [0.5, REFUSED, None]
    first, second, third = read(found, shape)
    assert (first, third) == (0.5, None)
    assert second != REFUSED


def test_a_shard_of_other_lines_than_the_extract_wrote_is_refused(files):
    words = "it has 3 lines in S3, but the extract wrote 4"
    with pytest.raises(ShardWrong, match=words):
        read(files("csv", b"1\n2\n3\n", records=4), a_shape("csv", 0))


def test_a_joined_line_without_its_id_is_named(files):
    answered = b'{"apple_id":1,"SageMakerOutput":1}\n{"SageMakerOutput":1}\n'
    words = "line 2: there is no id, since there is no 'apple_id' in the dict; keep the ids in"
    with pytest.raises(ShardWrong, match=words):
        read(files("jsonl", answered), a_shape("jsonl", joined=True))


def test_counts_that_differ_are_told_apart_from_other_wrongs(files):
    with pytest.raises(Miscounted):
        read(files("csv", b"1,red,0.5\n"), a_shape("csv", 2, joined=True))
    with pytest.raises(ShardWrong) as error:
        read(files("csv", b"1,a,0\n2,b,0\n2,b,0\n"), a_shape("csv", 2, joined=True))
    assert not isinstance(error.value, Miscounted)

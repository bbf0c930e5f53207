"""Fields of CSV of any size, beside Python's own reader, which has a limit."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.outputs.replies import ShardWrong, parsed
from batch_transform.scoring.records.csvfields import csv_fields

FIELDS = st.lists(st.text(st.sampled_from('a",\n é')), min_size=1, max_size=5)


@given(FIELDS, st.text(st.sampled_from('b",\n')))
def test_a_record_is_read_as_it_was_written_whatever_follows(fields, rest):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(fields)
    assert csv_fields(written.getvalue() + rest) == fields
    assert csv_fields(written.getvalue() + rest, 2) == fields[:2]


def test_a_field_that_is_never_closed_goes_as_far_as_the_text_does():
    assert csv_fields('1,"red, or') == ["1", "red, or"]


def test_a_line_longer_than_pythons_limit_has_its_fields_all_the_same():
    long = "x" * (csv.field_size_limit() + 1)
    assert parsed(f'7,"{long}, ""y""",0.5'.encode(), 1, "csv") == ["7", f'{long}, "y"', "0.5"]
    with pytest.raises(ShardWrong, match="line 3 cannot be read as csv: unexpected end of data"):
        parsed(f'7,"{long}'.encode(), 3, "csv")


def test_of_equal_keys_the_first_counts():
    assert parsed(b'{"score": 1, "score": 2}', 1, "jsonl") == {"score": 1}
    nested = json.dumps([{"a": 1}])
    assert parsed(nested.encode(), 1, "jsonl") == [{"a": 1}]

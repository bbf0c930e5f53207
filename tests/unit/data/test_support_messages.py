from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from local.data.errors import MessagesUnreadableError
from local.data.support_messages import read_messages

NEW_YORK = ZoneInfo("America/New_York")
DAYS = [date(2013, 6, day) for day in range(1, 11)]
LINE = (
    '{"message_id": 1, "created_at": "2013-06-01T00:30:00-04:00",'
    ' "subject": "Hi", "body": "Thanks!"}\n'
)


def local_times() -> list[datetime]:
    return [message.created_at.astimezone(NEW_YORK) for message in read_messages()]


def test_messages_are_spread_over_the_ten_days() -> None:
    per_day = Counter(time.date() for time in local_times())

    assert sorted(per_day) == DAYS
    assert sum(per_day.values()) >= 320
    assert min(per_day[day] for day in DAYS[:4]) >= 50


def test_both_sides_of_midnight_have_messages() -> None:
    for midnight in (datetime(2013, 6, day, tzinfo=NEW_YORK) for day in (2, 3, 4)):
        hour = timedelta(hours=1)
        times = local_times()
        assert any(midnight - hour <= time < midnight for time in times)
        assert any(midnight <= time < midnight + hour for time in times)


def test_ids_are_unique_and_follow_the_time() -> None:
    messages = list(read_messages())

    assert [message.message_id for message in messages] == list(range(1, len(messages) + 1))
    assert local_times() == sorted(local_times())


@pytest.mark.parametrize("text", ["\n", '"', ",", "ü", "🧸", "東京"])
def test_messages_have_what_breaks_careless_code(text: str) -> None:
    assert any(text in (message.body or "") for message in read_messages())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: Expecting"),
        ('{"message_id": 2}', "line 2: 'created_at'"),
        (LINE.replace("-04:00", ""), "line 2: created_at 2013-06-01 00:30:00 needs an offset"),
        ("[]", "line 2: list indices"),
    ],
)
def test_a_line_that_is_no_message_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(LINE + line, encoding="utf-8")

    with pytest.raises(MessagesUnreadableError, match=f"messages.jsonl, {reason}"):
        list(read_messages(path))

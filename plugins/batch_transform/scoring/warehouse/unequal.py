"""What is said where a warehouse counts other rows than were proven."""

from __future__ import annotations

from collections.abc import Mapping

# By the check that fails; what a warehouse copies from S3 may be other files than were listed.
UNEQUAL: Mapping[str, str] = {
    "check_rows": "{warehouse} copied another number of rows than were proven; nothing was changed."
    " Clear the task to copy them anew",
    "check_ids": "The rows that {warehouse} copied have an id twice; nothing was changed. Clear the"
    " task to copy them anew",
    "check_partition": "The partition would hold another number of rows than were loaded; nothing"
    " was changed. Look for who else writes to the table",
}

"""The README says what the code does."""

import re
from pathlib import Path

from sagemaker_local.switches import SWITCHES
from sagemaker_local.transform.faults import CALL_FAULTS, JOB_FAULTS

README = Path(__file__).parents[2] / "README.md"


def test_every_switch_is_listed_with_what_is_known():
    text = README.read_text()
    listed = re.findall(r"^\| `(\w+)` \| `([^`]*)` \|.*\| (.*) \|$", text, re.MULTILINE)
    assert [(name, known) for name, _, known in listed] == [
        (switch.name, switch.known) for switch in SWITCHES
    ]
    for (_, default, _), switch in zip(listed, SWITCHES, strict=True):
        value = list(switch.default) if isinstance(switch.default, tuple) else switch.default
        assert default == (str(value).lower() if isinstance(value, bool) else str(value))


def test_every_fault_is_named():
    text = README.read_text()
    assert all(
        f"`{fault}`" in text or f'"{fault}"' in text for fault in {**CALL_FAULTS, **JOB_FAULTS}
    )

"""The README says what the code does."""

import re
from pathlib import Path

from sagemaker_local.control_client import Faults
from sagemaker_local.switches import SWITCHES
from sagemaker_local.testing import SageMakerLocal
from sagemaker_local.transform.faults import CALL_FAULTS, JOB_FAULTS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


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


def test_every_method_of_the_fixture_is_named():
    public = {name for name in vars(SageMakerLocal) if not name.startswith("_")}
    faults = {name for name in vars(Faults) if not name.startswith("_")} - {"api"}
    named = set(re.findall(r"[`.](\w+)", README.read_text()))
    assert (public - {"pid", "control"} | faults) - named == set()


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", README.read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists() and "../" not in link] == []


def test_every_link_inside_the_page_leads_to_a_heading():
    headings = re.findall(r"^#+ (.*)$", README.read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README.read_text())) <= anchors

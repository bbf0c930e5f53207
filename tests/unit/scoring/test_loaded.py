"""What people read of a load beside the one that it replaces."""

from dataclasses import replace

from batch_transform.scoring.publish.compare import Comparison, Moved
from batch_transform.scoring.publish.judge import Finding
from batch_transform.scoring.publish.loaded import Loaded
from tests.factories import an_entry

COMPARISON = Comparison(
    run_id="nightly",
    model="apples",
    rows_before=1200,
    rows_after=1201,
    gained=3,
    lost=2,
    changed=40,
    column="sweetness",
    mean_before=0.25,
    mean_after=0.5,
    mean_change=0.123456,
    largest_change=0.75,
    largest=(Moved(id=(7, "red"), before=0.125, after=0.875),),
    histograms={},
)
LOADED = Loaded(
    entry=an_entry(),
    changed=True,
    quarantined=0,
    findings=(Finding(check="row_count", level="warn", facts="few"),),
    before=an_entry(findings=["nulls sweetness: many"]),
    comparison=COMPARISON,
)


def test_rows_that_moved_and_checks_that_changed_their_minds_are_listed():
    assert list(LOADED.lines()) == [
        "replaces 1,200 rows with 1,201; mean 0.25 → 0.5; 45 predictions differ",
        "3 gained, 2 lost, 40 changed",
        "sweetness moved by 0.123 on average where it changed, and by 0.75 at most; furthest:",
        "  7, red: 0.125 → 0.875",
        "Checks that fail now: row_count",
        "Checks that failed before: nulls sweetness",
    ]


def test_texts_have_no_mean_and_what_is_not_published_only_would_replace():
    texts = replace(
        COMPARISON, mean_before=None, mean_after=None, mean_change=None, largest_change=None
    )
    unpublished = replace(
        LOADED, comparison=texts, unpublished="a sample", findings=(), before=None
    )
    assert list(unpublished.lines()) == [
        "would replace 1,200 rows with 1,201; 45 predictions differ",
        "3 gained, 2 lost, 40 changed",
        "  7, red: 0.125 → 0.875",
    ]


def test_a_load_that_replaces_nothing_has_nothing_to_compare():
    first = replace(LOADED, comparison=None)
    assert (list(first.lines()), first.replaces) == ([], "")

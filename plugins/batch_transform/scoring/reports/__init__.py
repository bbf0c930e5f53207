"""What a run did: gathered from what it left, written as ``report.json`` and as a page."""

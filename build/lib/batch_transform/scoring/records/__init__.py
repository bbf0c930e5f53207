"""Turns columns of Python values into lines of headerless CSV or JSON Lines.

This is the one place that says which text a value has; ``docs/types.md`` is its table. Whole
columns are converted at once, by their kind, since a chain of tests for each single value would be
most of an extract's time.
"""

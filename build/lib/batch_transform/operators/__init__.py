"""The tasks of a run, one operator each."""

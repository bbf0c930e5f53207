"""A table of an Iceberg catalog: a partition is replaced in one commit, by pyiceberg."""

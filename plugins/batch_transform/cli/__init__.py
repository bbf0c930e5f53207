"""The command ``batch-transform``: pipelines made, checked and tried out from a shell.

A module for each command, which binds the command line to the work and no more. Nothing here is
imported when Airflow parses a DAG file.
"""

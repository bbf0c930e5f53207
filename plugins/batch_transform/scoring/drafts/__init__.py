"""Pipeline folders in the making: from a table, from files, or from a job that runs elsewhere.

What is drafted is checked like any other folder, and is a person's own from then on.
"""

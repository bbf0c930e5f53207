"""A stand-in for an account of Snowflake, to which Snowflake's own connector speaks.

Statements run on fakesnow, which is DuckDB. What fakesnow lacks is here: COPY to and from a stage
in S3, transactions by name with the locks of their tables, statements that go on by themselves. It
is written from Snowflake's documentation, shares no code with the package, and refuses what it does
not know.
"""

"""Athena, as far as UNLOAD goes: queries on PostgreSQL, Parquet by DuckDB."""

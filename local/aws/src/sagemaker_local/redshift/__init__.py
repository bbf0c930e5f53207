"""Redshift's Data API, as far as UNLOAD goes: queries on PostgreSQL, Parquet by DuckDB."""

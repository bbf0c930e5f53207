"""Redshift's Data API, as far as UNLOAD and COPY go: SQL on PostgreSQL, Parquet by DuckDB."""

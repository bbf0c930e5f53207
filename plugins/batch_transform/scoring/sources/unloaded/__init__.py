"""Rows that a warehouse has unloaded into Parquet files, a folder for each slice."""

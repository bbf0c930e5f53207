"""Files in S3 as a source: Parquet, CSV or JSON Lines."""

"""Where predictions go: one protocol, a Postgres table or Parquet files in S3 behind it."""

COPY (SELECT * FROM ({query}) AS found ({columns})) TO {path} (FORMAT parquet, COMPRESSION uncompressed)

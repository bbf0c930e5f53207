COPY (SELECT {columns} FROM staged LIMIT {count} OFFSET {start})
TO {path} (FORMAT parquet, COMPRESSION zstd)

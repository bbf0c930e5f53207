COPY (SELECT {columns} FROM staged WHERE rowid >= {start} AND rowid < {end})
TO {path} (FORMAT parquet, COMPRESSION zstd)

-- The target table on first use: one row for each record of each partition.
CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))

-- The target table on first use, with a table of its own for each date to come.
CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))
PARTITION BY LIST ({partition_column})

-- Rows of earlier loads have no such prediction.
ALTER TABLE {table} ADD COLUMN {column}

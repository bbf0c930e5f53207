ALTER TABLE {table} ATTACH PARTITION {part} {bound}

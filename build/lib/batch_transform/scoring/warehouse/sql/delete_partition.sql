DELETE FROM {table} WHERE {partition_column} = {partition}

SELECT count(*) FROM {table} WHERE {partition_column} = {partition}

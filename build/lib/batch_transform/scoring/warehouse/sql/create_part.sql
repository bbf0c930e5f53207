-- The constraint says what ATTACH would otherwise read every row for.
CREATE TABLE {part} (
    LIKE {table} INCLUDING ALL,
    CONSTRAINT {check_name} CHECK ({partition_column} = {partition})
)

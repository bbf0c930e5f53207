"""What is asked of DuckDB's catalogue, and of the tables in which fakesnow keeps its own."""

# INFORMATION_SCHEMA.COLUMNS, for which fakesnow joins four views, and takes three times as long.
# https://docs.snowflake.com/en/sql-reference/info-schema/columns
COLUMNS = """
CREATE OR REPLACE VIEW {database}._fs_information_schema._fs_columns AS
SELECT
    database_name AS TABLE_CATALOG,
    schema_name AS TABLE_SCHEMA,
    table_name AS TABLE_NAME,
    column_name AS COLUMN_NAME,
    column_index AS ORDINAL_POSITION,
    column_default AS COLUMN_DEFAULT,
    CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS IS_NULLABLE,
    CASE regexp_replace(data_type, '[(].*', '')
        WHEN 'DECIMAL' THEN 'NUMBER'
        WHEN 'BIGINT' THEN 'NUMBER'
        WHEN 'VARCHAR' THEN 'TEXT'
        WHEN 'DOUBLE' THEN 'FLOAT'
        WHEN 'BLOB' THEN 'BINARY'
        WHEN 'TIMESTAMP' THEN 'TIMESTAMP_NTZ'
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP_TZ'
        WHEN 'JSON' THEN 'VARIANT'
        ELSE data_type
    END AS DATA_TYPE,
    CASE WHEN data_type <> 'DOUBLE' THEN numeric_scale END AS NUMERIC_SCALE
FROM duckdb_columns()
WHERE database_name = '{database}'
"""
SCHEMAS = """
SELECT schema_name FROM duckdb_schemas()
WHERE database_name = ? AND NOT internal AND schema_name <> '_fs_information_schema'
"""
NO_STAGES = "DELETE FROM _fs_global._fs_information_schema._fs_stages"

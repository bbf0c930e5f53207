"""INFORMATION_SCHEMA.COLUMNS, straight from DuckDB's catalogue.

Fakesnow joins four views for it: longer than all other statements of a load take together.
https://docs.snowflake.com/en/sql-reference/info-schema/columns
"""

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

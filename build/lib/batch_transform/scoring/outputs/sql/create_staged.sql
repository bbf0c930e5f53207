-- All pieces together, in the order of their names.
CREATE VIEW staged AS SELECT * FROM read_parquet({files})

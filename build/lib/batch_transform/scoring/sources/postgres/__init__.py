"""PostgreSQL as a source: the database writes the records, and this proves them."""

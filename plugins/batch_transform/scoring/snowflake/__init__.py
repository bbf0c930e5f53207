"""What this package needs of Snowflake: a session, names and values as text, and a stage."""

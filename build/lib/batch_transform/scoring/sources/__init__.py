"""The sources of records that are not in memory: databases, and files in S3."""

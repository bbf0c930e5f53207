"""What a pipeline may do, and no more: policies of AWS, rules of a bucket, grants of a database."""

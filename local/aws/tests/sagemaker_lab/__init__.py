"""What the tests stand on: jobs over boto3, model containers, and vectors of known behaviour."""

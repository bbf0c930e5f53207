"""S3 and the errors of AWS: the ports through which everything else speaks to it."""

"""Large objects in moto's S3, without a copy of them in memory."""

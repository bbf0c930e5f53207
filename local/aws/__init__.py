"""A local AWS: moto's services, and a SageMaker Batch Transform that really runs jobs."""

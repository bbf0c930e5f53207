"""Which settings of a transform job score a pipeline's records for the least money."""

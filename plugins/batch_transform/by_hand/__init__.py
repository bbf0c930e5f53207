"""A run by hand: the tasks of a pipeline's DAG in one process, without a scheduler."""

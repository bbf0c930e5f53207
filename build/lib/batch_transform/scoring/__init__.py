"""The scoring work itself: pure builders and parsers, with I/O at the edges.

Nothing here imports Airflow; the operators in ``plugins/batch_transform`` call it.
"""

"""One bad record costs one record: what has no output is sent again, cut finer each round.

``plan`` decides what is sent again and when to give a record up, without any I/O; ``pieces`` cuts
the objects; ``found`` reads what became of them; ``rounds`` goes on until every record is either
answered or given up, or a limit is hit.
"""

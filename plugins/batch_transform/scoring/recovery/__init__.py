"""One bad record costs one record: what has no output is sent again, cut finer each round.

``judgement`` and ``outcome`` read what became of what a job was sent; ``suspects`` says what of it
is held against records, and ``plan`` what is sent again, as finely as ``cuts`` says, all of that
without any I/O; ``pieces`` cuts the objects; ``rounds`` goes on until every record is either
answered or given up, or ``limits`` end it.
"""

"""Outputs of a transform job: read, matched with the records sent, and proven complete.

``sent`` reads from the job what it was sent and wrote, ``fetch`` brings it. ``shape`` says what a
line looks like, ``answers`` reads a line at a time and defines what is right, ``fast`` reads whole
columns where little is wrong, ``staged`` holds the rows, and ``reconcile`` accounts for them all.
"""

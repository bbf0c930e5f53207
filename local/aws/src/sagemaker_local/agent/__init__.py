"""What runs on one instance of a transform job: starts its containers and feeds them its objects.

Each instance is a process of its own, so the API stays responsive while data moves and a stop
is the end of a process group. Nothing here imports moto: an agent starts in a tenth of a second.
"""

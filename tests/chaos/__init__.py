"""Breaks everything around a run, and judges from outside that nothing is lost.

Attempts at tasks run in processes of their own, which are killed; AWS and PostgreSQL are reached
through fronts that fail. Which calls there are to fail at is traced, not listed by hand. The judge
shares no code with the product: only ``nursery.py`` imports it.
"""

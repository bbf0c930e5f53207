"""Publishes a partition: measures it, judges it, and puts it into the warehouse."""

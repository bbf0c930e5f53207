"""Probability that a flight arrives 15 minutes late or more."""

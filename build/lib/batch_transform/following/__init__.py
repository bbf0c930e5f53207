"""Follows a transform job from a worker and from the triggerer, and stops it with its task."""

"""Removes what runs have left in S3 once nobody can need it any more."""

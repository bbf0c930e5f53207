"""Runs on real Airflow; they share one laptop stack, which ends with the last of them."""

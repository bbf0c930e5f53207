"""Pages in Airflow: what each run did, and a calendar of the partitions of each pipeline."""

"""What the pipelines need of Airflow: operators, the timetable, and the DAG that binds them."""

"""Who may see what. Airflow mounts an app of a plugin without asking anybody for anything.

https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/auth-manager/index.html
"""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import Depends, Request

# Asks for a login, and for the right to read the DAG of the path; without one, any DAG at all.
MAY_READ = Depends(requires_access_dag("GET"))


def readable_dags(user: GetUserDep) -> set[str]:
    """Return the ids of all DAGs that the user may read."""
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")


def may_read_logs(request: Request, user: GetUserDep) -> bool:
    """Tell whether the user may read the logs of the DAG of the path, which repeat records."""
    dag_id = request.path_params["dag_id"]
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.TASK_LOGS, details=details, user=user
    )

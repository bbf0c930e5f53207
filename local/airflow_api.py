"""The few calls of Airflow's REST API that the laptop needs.

https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class AirflowApi:
    """A logged-in client."""

    client: httpx.Client

    @classmethod
    def log_in(cls, url: str, user: str, password: str) -> AirflowApi:
        """Exchange user and password for a token."""
        response = httpx.post(
            f"{url}/auth/token",
            json={"username": user, "password": password},
            timeout=_TIMEOUT_SECONDS,
        )
        token = response.raise_for_status().json()["access_token"]
        return cls(
            httpx.Client(
                base_url=f"{url}/api/v2",
                headers={"Authorization": f"Bearer {token}"},
                timeout=_TIMEOUT_SECONDS,
            )
        )

    def is_healthy(self, component: str) -> bool:
        """Tell whether a component sends heartbeats."""
        health = self._get("/monitor/health")
        return bool(health.get(component, {}).get("status") == "healthy")

    def dag_ids(self) -> set[str]:
        """List the DAGs that Airflow has parsed."""
        return {dag["dag_id"] for dag in self._get("/dags")["dags"]}

    def import_errors(self) -> list[str]:
        """List what kept DAG files from being parsed."""
        return [error["stack_trace"] for error in self._get("/importErrors")["import_errors"]]

    def create_pool(self, name: str, slots: int, description: str) -> None:
        """Create a pool that counts deferred tasks, or bring it up to date."""
        pool = {
            "name": name,
            "slots": slots,
            "description": description,
            "include_deferred": True,
        }
        created = self.client.post("/pools", json=pool)
        if created.status_code == httpx.codes.CONFLICT:
            created = self.client.patch(f"/pools/{name}", json=pool)
        created.raise_for_status()

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Trigger a run as the UI's form does, without a logical date; return its run id."""
        response = self.client.post(
            f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}
        )
        run_id: str = response.raise_for_status().json()["dag_run_id"]
        return run_id

    def backfill(self, dag_id: str, first: str, last: str) -> None:
        """Start a backfill of the days from the first to the last, both of them included."""
        days = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        self.client.post("/backfills", json={"dag_id": dag_id, **days}).raise_for_status()

    def runs(self) -> list[dict[str, Any]]:
        """List the runs of every DAG."""
        runs: list[dict[str, Any]] = self._get("/dags/~/dagRuns", limit=1000)["dag_runs"]
        return runs

    def tasks(self) -> list[dict[str, Any]]:
        """List the task instances of every run."""
        path = "/dags/~/dagRuns/~/taskInstances"
        tasks: list[dict[str, Any]] = self._get(path, limit=1000)["task_instances"]
        return tasks

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task returned (its XCom)."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._get(path, deserialize="true")["value"]

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        content: dict[str, Any] = self.client.get(path, params=query).raise_for_status().json()
        return content

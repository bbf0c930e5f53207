"""Whether an attempt still runs, waits, or will run again: Airflow knows."""

from __future__ import annotations

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from batch_transform.scoring.jobs.owners import Owner

_TASK_OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_RUN_ALIVE = ["queued", "running"]


def is_alive(owner: Owner) -> bool:
    """Tell whether the task of an owner runs, waits, or will run again.

    A task that was cleared or that waits for its retry will: then its next attempt attaches. One
    that was marked, that has failed for good, or whose run is over or deleted will not.
    """
    states = RuntimeTaskInstance.get_task_states(
        dag_id=owner.dag_id, task_ids=[owner.task_id], run_ids=[owner.run_id]
    ).get(owner.run_id, {})
    task = owner.task_id if owner.map_index < 0 else f"{owner.task_id}_{owner.map_index}"
    if task not in states or states[task] in _TASK_OVER:
        return False
    runs = RuntimeTaskInstance.get_dr_count(
        dag_id=owner.dag_id, run_ids=[owner.run_id], states=_RUN_ALIVE
    )
    return runs > 0


def is_at_work(dag_id: str) -> bool:
    """Tell whether any run of a DAG has not ended."""
    return RuntimeTaskInstance.get_dr_count(dag_id=dag_id, states=_RUN_ALIVE) > 0

"""Where the pages are mounted, and where Airflow shows them.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/plugins.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from batch_transform.links import RUN_TAB

PREFIX = "/batch-transform"

_Scope = MutableMapping[str, Any]
_Asgi = Callable[[_Scope, Any, Any], Awaitable[None]]


async def app(scope: _Scope, receive: Any, send: Any) -> None:
    """Serve the pages; what makes them is imported when somebody asks for the first.

    Every process of Airflow loads its plugins, and only its API server serves pages.
    """
    await _pages()(scope, receive, send)


@cache
def _pages() -> _Asgi:
    from batch_transform.report.app import app as pages

    return pages


FASTAPI_APPS = [{"app": app, "url_prefix": PREFIX, "name": "Batch Transform"}]

# Airflow fills in the names in braces, encoded for a URL, and shows the page in a frame.
EXTERNAL_VIEWS = [
    {
        "name": "Scoring",
        "href": "batch-transform/",
        "destination": "nav",
        "url_route": "batch-transform",
    },
    {
        "name": "Partitions",
        "href": "batch-transform/pipelines/{DAG_ID}",
        "destination": "dag",
        "url_route": "batch-transform-partitions",
    },
    {
        "name": "Report",
        "href": "batch-transform/runs/{DAG_ID}/{RUN_ID}",
        "destination": "dag_run",
        "url_route": RUN_TAB,
    },
    {
        "name": "Report",
        "href": "batch-transform/tasks/{DAG_ID}/{RUN_ID}/{TASK_ID}",
        "destination": "task_instance",
        "url_route": "batch-transform-task",
    },
]

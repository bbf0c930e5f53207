"""A run by hand, from a shell: the connections of the environment, the tasks' log on the screen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from batch_transform.cli.shown_log import TaskLog
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline import Pipeline


def walked(pipeline: Pipeline, asked: Mapping[str, Any], until: str = "") -> Mapping[str, Any]:
    """Run a pipeline's tasks in this process, and return what each leaves.

    Args:
        pipeline: the pipeline.
        asked: the parameters of the run.
        until: the last task; empty for all of them.
    """
    log = TaskLog()
    log.show()
    from batch_transform.by_hand.stand_in import Run
    from batch_transform.by_hand.walk import Walk
    from batch_transform.dag import scoring_dag

    # There is no triggerer that could watch, and no scheduler that would keep a pool; who waits is
    # to see what the container says.
    given = Deployment.from_environ(os.environ)
    deployment = replace(given, deferrable=False, pools=False, follow_logs=True)
    dag = scoring_dag(_at_once(pipeline), deployment)
    return Walk(run=Run(dag=dag, conf=asked), tell=log.begin, until=until).go()


def _at_once(pipeline: Pipeline) -> Pipeline:
    """Wait for no data: who runs a day by hand is to see that there are none."""
    source = pipeline.settings.source.model_copy(update={"wait": None, "asset": None})
    settings = pipeline.settings.model_copy(update={"source": source})
    return pipeline.model_copy(update={"settings": settings})


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value``; a value is JSON where it can be.

    Raises:
        ConfigurationError: one has no ``=``.
    """
    return dict(_parameter(each) for each in given)


def _parameter(given: str) -> tuple[str, Any]:
    name, found, value = given.partition("=")
    if not found:
        raise ConfigurationError(f"--param {given} has no value; give it as --param {given}=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value

"""The transform jobs that a notebook or a DAG file starts, as CreateTransformJob requests.

The file is read and never run. A call of the SageMaker SDK, of boto3 or of the stock operator comes
out as the same request; what its text does not give away is ``Unknown`` in it.
https://sagemaker.readthedocs.io/en/stable/api/inference/transformer.html
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.drafts.literal import Program, Unknown
from batch_transform.scoring.errors import ConfigurationError

# What the SDK calls each argument, in the order in which it may be given without its name.
_BY_MODEL = (
    *("instance_count", "instance_type", "strategy", "assemble_with", "output_path"),
    *("output_kms_key", "accept", "env", "max_concurrent_transforms", "max_payload", "tags"),
)
_BY_CLASS = (
    *("model_name", "instance_count", "instance_type", "strategy", "assemble_with", "output_path"),
    *("output_kms_key", "accept", "max_concurrent_transforms", "max_payload", "tags", "env"),
    *("base_transform_job_name", "sagemaker_session", "volume_kms_key"),
)
_TRANSFORM = (
    *("data", "data_type", "content_type", "compression_type", "split_type", "job_name"),
    *("input_filter", "output_filter", "join_source", "experiment_config", "model_client_config"),
)
# Argument of the SDK, and the field of the request.
_FIELDS = {
    "model_name": "ModelName",
    "strategy": "BatchStrategy",
    "max_concurrent_transforms": "MaxConcurrentTransforms",
    "max_payload": "MaxPayloadInMB",
    "env": "Environment",
    "tags": "Tags",
    "instance_type": "TransformResources.InstanceType",
    "instance_count": "TransformResources.InstanceCount",
    "volume_kms_key": "TransformResources.VolumeKmsKeyId",
    "output_path": "TransformOutput.S3OutputPath",
    "output_kms_key": "TransformOutput.KmsKeyId",
    "assemble_with": "TransformOutput.AssembleWith",
    "accept": "TransformOutput.Accept",
    "data": "TransformInput.DataSource.S3DataSource.S3Uri",
    "data_type": "TransformInput.DataSource.S3DataSource.S3DataType",
    "content_type": "TransformInput.ContentType",
    "compression_type": "TransformInput.CompressionType",
    "split_type": "TransformInput.SplitType",
    "input_filter": "DataProcessing.InputFilter",
    "output_filter": "DataProcessing.OutputFilter",
    "join_source": "DataProcessing.JoinSource",
    "experiment_config": "ExperimentConfig",
    "model_client_config": "ModelClientConfig",
}


@dataclass(frozen=True, kw_only=True)
class FoundJob:
    """A transform job that a file starts.

    Attributes:
        line: where, from 1.
        by: what starts it.
        request: CreateTransformJob's request, as far as the text gives it away.
    """

    line: int
    by: str
    request: Mapping[str, Any]


def found_jobs(text: str, suffix: str) -> list[FoundJob]:
    """List the transform jobs of a file.

    Args:
        text: its content.
        suffix: of its name: ``.py``, ``.ipynb`` or ``.json``.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        if suffix == ".json":
            config = json.loads(text)
            return [FoundJob(line=1, by="a request", request=_of_config(config))]
        program = Program(_code_of(text) if suffix == ".ipynb" else text)
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise ConfigurationError(f"The file cannot be read as {suffix}: {error}") from error
    return list(_jobs(program))


def _code_of(notebook: str) -> str:
    """Return the code of a notebook's cells; what only IPython takes is left out, line by line."""
    cells = [each for each in json.loads(notebook)["cells"] if each["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    lines = [line for source in sources for line in f"{source}\n".splitlines()]
    return "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in lines)


def _jobs(program: Program) -> Iterator[FoundJob]:
    transformed: set[int] = set()
    for call in program.calls():
        name = _name(call.func)
        if name == "transform" and (made := _transformer_of(program, call)) is not None:
            transformed.add(id(made))
            yield _job(call, "Transformer.transform", _of_sdk(program, made, call))
        elif name == "create_transform_job":
            request = {each.arg: program.value(each.value) for each in call.keywords if each.arg}
            yield _job(call, "create_transform_job", request)
        elif name == "SageMakerTransformOperator":
            config = _argument(program, call, "config")
            yield _job(call, "SageMakerTransformOperator", _of_config(config))
    for call in program.calls():
        if _is_transformer(call) and id(call) not in transformed:
            yield _job(call, "Transformer", _of_sdk(program, call, None))


def _job(call: ast.Call, by: str, request: Mapping[str, Any]) -> FoundJob:
    return FoundJob(line=call.lineno, by=by, request=request)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_transformer(call: ast.Call) -> bool:
    return _name(call.func) in ("Transformer", "transformer")


def _transformer_of(program: Program, call: ast.Call) -> ast.Call | None:
    """Return the call that made what ``transform`` is called on; None where that is another."""
    made = _receiver(program, call)
    return made if made is not None and _is_transformer(made) else None


def _receiver(program: Program, call: ast.Call) -> ast.Call | None:
    made: ast.expr | None = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(made, ast.Name):
        made = program.assigned(made.id, call.lineno)
    return made if isinstance(made, ast.Call) else None


def _of_sdk(program: Program, made: ast.Call, call: ast.Call | None) -> dict[str, Any]:
    is_class = _name(made.func) == "Transformer"
    given = _given(program, made, _BY_CLASS if is_class else _BY_MODEL)
    if not is_class:
        model = _receiver(program, made)
        named = _given(program, model, ()) if model is not None else {}
        given.setdefault("model_name", named.get("name", Unknown(ast.unparse(made.func))))
    given |= _given(program, call, _TRANSFORM) if call is not None else {}
    request: dict[str, Any] = {}
    for name, value in given.items():
        if name in _FIELDS and value is not None:
            _put(request, _FIELDS[name].split("."), value)
    return request


def _given(program: Program, call: ast.Call, order: Sequence[str]) -> dict[str, Any]:
    by_place = zip(order, call.args, strict=False)
    by_name = ((each.arg, each.value) for each in call.keywords if each.arg)
    return {name: program.value(value) for name, value in (*by_place, *by_name)}


def _argument(program: Program, call: ast.Call, name: str) -> Any:
    return _given(program, call, (name,)).get(name, Unknown(ast.unparse(call)))


def _of_config(config: Any) -> dict[str, Any]:
    """Return the request of a stock operator's config, which may have the model's beside it."""
    if isinstance(config, Unknown):
        return {"ModelName": config}
    inner = config.get("Transform", config)
    model = config.get("Model", {})
    named = {"ModelName": model["ModelName"]} if "ModelName" in model else {}
    return {**named, **inner} if isinstance(inner, Mapping) else {"ModelName": inner}


def _put(request: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *above, last = path
    for name in above:
        request = request.setdefault(name, {})
    request[last] = value

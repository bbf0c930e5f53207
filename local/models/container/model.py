"""A model archive's own code, `code/inference.py`, and how it is called.

https://github.com/aws/sagemaker-inference-toolkit describes the four functions.
"""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from local.models.container.errors import (
    BadRecordError,
    ModelFailedError,
    ModelUnusableError,
    RequestRefusedError,
)
from local.models.container.media import reply_format, request_format
from local.models.container.records import decode, encode

CODE_FILE = Path("code") / "inference.py"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client posted, with the headers that say how to read and to answer it."""

    body: bytes
    content_type: str
    accept: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the client gets back."""

    body: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """What `model_fn` returned, beside the functions that use it."""

    artifact: Any
    input_fn: Callable[[bytes, str], Any]
    predict_fn: Callable[[Any, Any], Any]
    output_fn: Callable[[Any, str], bytes]

    def answer(self, request: Request) -> Reply:
        """Predictions for the records of one request, a line for each.

        Raises:
            RequestRefusedError: with the status and the sentence for the client.
        """
        content_type = request_format(request.content_type)
        accept = reply_format(request.accept, request.content_type)
        data = _blaming_the_record(self.input_fn, request.body, content_type)
        prediction = _blaming_the_record(self.predict_fn, data, self.artifact)
        _check_count(data, prediction)
        return Reply(body=self.output_fn(prediction, accept), content_type=accept)


def load_model(model_dir: Path) -> LoadedModel:
    """Runs the archive's `model_fn`.

    Raises:
        ModelUnusableError: there is no such code, or it fails; says which and why.
    """
    code = _import_code(model_dir / CODE_FILE)
    for name in ("model_fn", "predict_fn"):
        if not callable(getattr(code, name, None)):
            raise ModelUnusableError(f"{model_dir / CODE_FILE} has no function {name}")
    try:
        artifact = code.model_fn(str(model_dir))
    except Exception as error:
        raise ModelUnusableError(f"model_fn of {model_dir} failed: {_summary(error)}") from error
    return LoadedModel(
        artifact=artifact,
        input_fn=getattr(code, "input_fn", decode),
        predict_fn=code.predict_fn,
        output_fn=getattr(code, "output_fn", encode),
    )


def _import_code(path: Path) -> ModuleType:
    """Imports inference.py, with its directory on the path for modules shipped beside it."""
    spec = importlib.util.spec_from_file_location("inference", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ModelUnusableError(f"the model archive has no {CODE_FILE} (looked for {path})")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelUnusableError(f"{path} cannot be imported: {_summary(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _blaming_the_record(step: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    """Calls a function of the model; a ValueError is the record's fault, all else the model's."""
    try:
        return step(first, second)
    except RequestRefusedError:
        raise
    except ValueError as error:
        raise BadRecordError(_summary(error, with_type=False)) from error
    except Exception as error:
        traceback.print_exc()
        raise ModelFailedError(f"the model failed: {_summary(error)}; see its log") from error


def _check_count(data: Any, prediction: Any) -> None:
    if isinstance(data, Sequence) and len(data) != len(prediction):
        raise ModelFailedError(
            f"the model gave {len(prediction)} predictions for {len(data)} records"
        )


def _summary(error: Exception, *, with_type: bool = True) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if with_type else text

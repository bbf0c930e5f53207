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

from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError

from local.models.container.errors import ModelUnusableError
from local.models.container.records import decode, encode

CODE_FILE = Path("code") / "inference.py"


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """What `model_fn` returned, beside the functions that use it."""

    artifact: Any
    input_fn: Callable[[bytes, str], Any]
    predict_fn: Callable[[Any, Any], Any]
    output_fn: Callable[[Any, str], bytes]

    def predict(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Predictions for the records of one request, a line for each.

        Raises:
            HTTPException: a record is bad (400, 415), or the model failed (500).
        """
        records = _call(self.input_fn, body, content_type)
        predictions = _call(self.predict_fn, records, self.artifact)
        if isinstance(records, Sequence) and len(records) != len(predictions):
            raise InternalServerError(
                f"the model gave {len(predictions)} predictions for {len(records)} records"
            )
        return self.output_fn(predictions, accept)


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


def _call(function: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    """Calls a function of the model; a ValueError is the record's fault, all else the model's."""
    try:
        return function(first, second)
    except HTTPException:
        raise
    except ValueError as error:
        raise BadRequest(" ".join(str(error).split())) from error
    except Exception as error:
        traceback.print_exc()
        raise InternalServerError(f"the model failed: {_summary(error)}; see its log") from error


def _summary(error: Exception) -> str:
    """An exception on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"

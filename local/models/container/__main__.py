"""`python -m local.models.container serve`: loads the model and serves it until told to stop."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from types import FrameType

from local.models.container.errors import ContainerError, SettingsError
from local.models.container.model import LoadedModel, load_model
from local.models.container.server import HOST, ModelServer
from local.models.container.settings import Settings, read_settings


def main(arguments: Sequence[str]) -> int:
    """Runs the program; returns its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        if list(arguments) != ["serve"]:
            raise SettingsError("the only command is: serve")
        return _serve(read_settings(os.environ, os.cpu_count() or 1))
    except ContainerError as error:
        print(f"model container: {error}", file=sys.stderr, flush=True)
        return 1


def _serve(settings: Settings) -> int:
    """Listens first and loads behind it, so that a slow model is not a refused connection."""
    model: Future[LoadedModel] = Future()
    with ModelServer(settings, model) as server:
        print(f"model container: listening on http://{HOST}:{server.server_port}", flush=True)
        threading.Thread(target=_load, args=(settings, model, server), daemon=True).start()
        server.serve_forever(poll_interval=0.05)
    model.result()
    return 0


def _load(settings: Settings, model: Future[LoadedModel], server: ModelServer) -> None:
    """Loads the model; where that fails, the main thread raises it again and the program ends."""
    try:
        model.set_result(load_model(settings.model_dir))
        print(f"model container: serving {settings.model_dir}", flush=True)
    except BaseException as error:
        model.set_exception(error)
        server.shutdown()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Leaves at once: a request under way is the caller's to send again."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m local.models.container serve`: loads the model and serves it until a signal."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from local.models.container.errors import ContainerError, SettingsError
from local.models.container.model import load_model
from local.models.container.server import HOST, Container, make_container_server
from local.models.container.settings import Settings, read_settings


def main(arguments: Sequence[str]) -> int:
    """Runs the program; returns its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        if list(arguments) != ["serve"]:
            raise SettingsError("the only command is: serve")
        _serve(read_settings(os.environ, os.cpu_count() or 1))
    except ContainerError as error:
        print(f"model container: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _serve(settings: Settings) -> None:
    """Listens first and loads meanwhile, so that a slow model is not a refused connection."""
    container = Container(settings)
    server = make_container_server(container)
    print(f"model container: listening on http://{HOST}:{server.port}", flush=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    container.model = load_model(settings.model_dir)
    print(f"model container: serving {settings.model_dir}", flush=True)
    serving.join()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Leaves at once: whoever sent a request that is not answered yet sends it again."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

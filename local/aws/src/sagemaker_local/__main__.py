"""`python -m sagemaker_local --port 4566`, also installed as the program `sagemaker-local`."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sagemaker_local import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRESH_OBJECTS = 10_000


def run() -> NoReturn:
    """Entry of the program."""
    # Moto and AWS's models are a million objects that stay: looking through them finds little.
    gc.set_threshold(_FRESH_OBJECTS)
    code = main()
    gc.freeze()  # the process ends: no last collection
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code, 2 when an argument cannot be used."""
    arguments = _parser().parse_args(argv)
    # Here: `--version` does not load moto, and `run` has set the collector's threshold before.
    from sagemaker_local.containers import ContainersFileError
    from sagemaker_local.server import LocalAws, PortInUseError, write_ready_file
    from sagemaker_local.settings import UnknownSwitchError

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        aws = LocalAws(
            host=arguments.host,
            port=arguments.port,
            containers=arguments.containers,
            switches=arguments.switch,
            state=arguments.state,
        )
    except (PortInUseError, ContainersFileError, UnknownSwitchError) as error:
        print(f"sagemaker-local: {error}", file=sys.stderr)
        return 2
    with aws:
        if arguments.ready_file:
            write_ready_file(arguments.ready_file, aws.endpoint_url)
        print(f"sagemaker-local serves at {aws.endpoint_url}", flush=True)
        ended.wait()
    if arguments.ready_file:
        arguments.ready_file.unlink(missing_ok=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sagemaker-local",
        description="SageMaker Batch Transform, S3 and the rest of moto's services on one port.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4566, help="port; 0 picks a free one")
    parser.add_argument(
        "--ready-file", type=Path, help="JSON with endpoint_url and pid, written when serving"
    )
    parser.add_argument(
        "--containers", type=Path, help="YAML file that maps images to the commands that serve them"
    )
    parser.add_argument(
        "--state",
        type=Path,
        help="folder in which objects, models and jobs outlast the process",
    )
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="choose a behaviour that AWS does not document; see the README",
    )
    return parser


if __name__ == "__main__":
    run()

"""`python -m local.aws --port 4566`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from local.aws.containers import DEFAULT_FILE, ContainersFileError
from local.aws.server import LocalAws, PortInUseError, write_ready_file
from local.aws.settings import UnknownSwitchError


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    arguments = _arguments()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        aws = LocalAws(
            host=arguments.host,
            port=arguments.port,
            containers=arguments.containers,
            switches=arguments.switch,
        )
    except (PortInUseError, ContainersFileError, UnknownSwitchError) as error:
        print(f"local.aws: {error}", file=sys.stderr)
        return 2
    with aws:
        if arguments.ready_file:
            write_ready_file(arguments.ready_file, aws.endpoint_url)
        print(f"local AWS at {aws.endpoint_url}", flush=True)
        ended.wait()
    if arguments.ready_file:
        arguments.ready_file.unlink(missing_ok=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description="A local AWS.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4566, help="port; 0 is any free one")
    parser.add_argument("--ready-file", type=Path, help="written when serving: endpoint_url, pid")
    parser.add_argument(
        "--containers", type=Path, default=DEFAULT_FILE, help="file of images and commands"
    )
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="set an unknown"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

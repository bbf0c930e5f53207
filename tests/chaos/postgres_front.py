"""Stands between attempts and PostgreSQL: counts statements, and lets them go wrong.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import os
import re
import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress

import psycopg
from psycopg import OperationalError

from tests.chaos.traps import CRASHED, FULL, HELD, NO_ROOM

_HELD_SECONDS = 60.0
_RECOVERY_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_STATEMENTS = b"QP"
_COPY_DATA, _PARSE, _SYNC = b"d", b"P", b"S"
_RAISE = b"DO 'BEGIN RAISE disk_full; END'\0"  # what it says differs, the code is the same
_SOCKET = ".s.PGSQL.5432"
_FIELDS = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
_TOO_MANY = b"E" + struct.pack("!i", 4 + len(_FIELDS)) + _FIELDS


def connected(dsn):
    """Connect to the warehouse, which may be about to recover from a crash."""
    until = time.monotonic() + _RECOVERY_SECONDS
    while True:
        try:
            return psycopg.connect(dsn, autocommit=True)
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_SECONDS)


class PostgresFront:
    """Where attempts believe the warehouse to be: a socket in a folder of its own.

    Attributes:
        has_crashed: whether it has: who connects then waits for it, as Airflow does with retries.
    """

    def __init__(self, postgres, folder, trap):
        self.trap, self.admin_dsn = trap, postgres.dsn("postgres")
        self.has_crashed = False
        self.upstream = str(postgres.socket_folder / _SOCKET)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / _SOCKET))
        self._listener.listen()

    @contextmanager
    def listening(self):
        """Serve meanwhile."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=_Session(self, client).serve, daemon=True).start()

    def terminate(self, backend):
        """End a backend as an operator would, and wait until it is gone."""
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))


class _Session:
    """One connection, and its backend."""

    def __init__(self, front, client):
        self._front, self._client = front, client
        self._server = socket.socket(socket.AF_UNIX)
        self._backend = 0
        self._due = None  # what happens with the next answer
        self._copies = False
        self._skips = False  # until the next Sync

    def serve(self):
        """Pass messages on until either side hangs up."""
        if self._front.has_crashed:
            connected(self._front.admin_dsn).close()
        try:
            self._server.connect(self._front.upstream)
            threading.Thread(target=self._answers, daemon=True).start()
            (size,) = struct.unpack("!i", self._exactly(4))
            startup = struct.pack("!i", size) + self._exactly(size - 4)
            self._pass_on(startup, "connect")
            while True:
                kind = self._exactly(1)
                (size,) = struct.unpack("!i", self._exactly(4))
                payload = self._exactly(size - 4)
                if self._skips:
                    self._skips = kind != _SYNC
                    continue
                message = kind + struct.pack("!i", size) + payload
                self._pass_on(message, self._label(kind, payload))
        except (OSError, EOFError):
            pass
        finally:
            self._close()

    def _label(self, kind, payload):
        """Name what a fault may strike at; None for any other message."""
        if kind == _COPY_DATA:
            first, self._copies = not self._copies, True
            return "COPY data" if first else None
        if kind not in _STATEMENTS:
            return None
        self._copies = False
        text = payload.split(b"\0")[0 if kind == b"Q" else 1].decode(errors="replace")
        words = re.sub(r"'[^']*'|\d+", "…", re.sub(r"--[^\n]*", "", text)).split()
        return " ".join(words[:5])

    def _pass_on(self, message, label):
        fault = self._front.trap.at("sql", label) if label else None
        if fault == "killed before":
            self._front.trap.kill()
            raise EOFError
        if fault == "frozen before":
            self._front.trap.freeze()
        if fault == FULL:
            self._client.sendall(_TOO_MANY)
            raise EOFError
        if fault == CRASHED:
            self._front.has_crashed = True
            os.kill(self._backend, signal.SIGKILL)
        if fault and not self._backend and fault.startswith("terminated"):
            raise EOFError  # the server takes no more connections
        if fault == HELD:
            self._front.trap.gate.wait(_HELD_SECONDS)
        if fault == "terminated before":
            self._front.terminate(self._backend)
        if fault == NO_ROOM:
            self._skips = message.startswith(_PARSE)
            message = b"Q" + struct.pack("!i", 4 + len(_RAISE)) + _RAISE
        self._due = fault
        self._server.sendall(message)
        if fault == "terminated within":
            self._front.terminate(self._backend)

    def _answers(self):
        try:
            while block := self._server.recv(1 << 16):
                self._backend = self._backend or _backend_of(block)
                due, self._due = self._due, None
                if due == "killed within":
                    self._front.trap.kill()
                    break
                if due == "frozen within":
                    self._front.trap.freeze()
                self._client.sendall(block[: len(block) // 2] if due == "answer cut" else block)
                if due == "answer cut":
                    break
                if due == "killed after":
                    self._front.trap.kill()
                    break
                if due == "frozen after":
                    self._front.trap.freeze()
                if due == "terminated after":
                    self._front.terminate(self._backend)
        except OSError:
            pass
        finally:
            self._close()

    def _exactly(self, size):
        found = b""
        while len(found) < size:
            block = self._client.recv(size - len(found))
            if not block:
                raise EOFError
            found += block
        return found

    def _close(self):
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _backend_of(block):
    """Find the process in the first answer's BackendKeyData, a message ``K`` of 12 bytes."""
    position = 0
    while position + 5 <= len(block):
        kind, (size,) = (
            block[position : position + 1],
            struct.unpack_from("!i", block, position + 1),
        )
        if kind == b"K":
            return struct.unpack_from("!i", block, position + 5)[0]
        position += 1 + size
    return 0

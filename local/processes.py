"""Processes of the stack: started in sessions of their own, ended with all they started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.errors import ProcessFailed
from local.interrupts import uninterrupted

_POLL_SECONDS = 0.1
_KILL_SECONDS = 15.0
_RECORD_SECONDS = 1.0  # between the start of a process and its id on record, at most
# The process writes its own id, before it becomes the program: a starter that is killed at any
# moment leaves no process that is not on record.
_ON_RECORD = 'echo $$ >&0 && exec "$@" </dev/null'


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a process is started and ended.

    Attributes:
        name: what people call it; names its log.
        argv: program and arguments.
        env: its whole environment.
        cwd: its working directory.
        user: the system user it runs as; this process's own where None.
        stop_signal: what asks it to end.
        grace_seconds: how long it may take to end by itself.
        serves_others: whether the other processes need it until they have ended.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 5.0
    serves_others: bool = False


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started process."""

    command: Command
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until ``ready`` says so.

        Raises:
            ProcessFailed: the process ended first, or the time is up.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{self.command.name} was not ready after {seconds:.0f} s", self.log
                )
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Raise ProcessFailed if the process has ended."""
        if self.process.poll() is not None:
            raise ProcessFailed(
                f"{self.command.name} ended with exit code {self.process.returncode}", self.log
            )

    def finish(self) -> None:
        """Wait for the process to end by itself; raise ProcessFailed if it failed."""
        if self.process.wait() != 0:
            self.check()


@dataclass(frozen=True)
class Processes:
    """The processes of one stack.

    Attributes:
        folder: keeps a log for each process, and the id of each that runs, so that the next start
            can end what a killed one left.
    """

    folder: Path
    running: list[Running] = field(default_factory=list)

    def start(self, command: Command) -> Running:
        """Start a process in a session of its own, out of reach of the terminal's Ctrl-C."""
        self._records.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{command.name}.log"
        record = self._records / f"{len(self.running)}-{command.name}"
        with log.open("ab") as output, record.open("wb") as pid, uninterrupted():
            process = subprocess.Popen(
                ["/bin/sh", "-c", _ON_RECORD, command.name, *command.argv],
                env=dict(command.env),
                cwd=command.cwd,
                user=command.user,
                stdin=pid,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            started = Running(command=command, process=process, log=log)
            self.running.append(started)
        return started

    def check(self) -> None:
        """Raise ProcessFailed if a process that should be running has ended badly."""
        for each in self.running:
            if each.process.poll() not in (None, 0):
                each.check()

    def stop(self) -> None:
        """End every process and whatever it started; those that serve others last."""
        for serves_others in (False, True):
            wave = [each for each in self.running if each.command.serves_others is serves_others]
            families = [(each, _family(each.process.pid)) for each in wave]
            for each in wave:
                if each.process.poll() is None:
                    each.process.send_signal(each.command.stop_signal)
            for each, family in families:
                _kill_after(each.command.grace_seconds, family)
                each.process.wait()
        self.running.clear()
        shutil.rmtree(self._records, ignore_errors=True)

    def end_leftovers(self) -> None:
        """End what an earlier start left running when it was killed."""
        for record in self._records.glob("*"):
            pid = _recorded(record)
            if pid is not None and _is_as_old(pid, record.stat().st_mtime):
                _kill_after(0.0, _family(pid))
        shutil.rmtree(self._records, ignore_errors=True)

    @property
    def _records(self) -> Path:
        return self.folder / "running"


def _recorded(record: Path) -> int | None:
    """Return the id in a record; None where its process was never begun."""
    deadline = time.monotonic() + _RECORD_SECONDS
    while not (text := record.read_text()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return int(text) if text else None


def _is_as_old(pid: int, recorded: float) -> bool:
    """Tell whether a process is the one that wrote its id then; a later one only has that id."""
    try:
        return psutil.Process(pid).create_time() <= recorded + _RECORD_SECONDS
    except psutil.NoSuchProcess:
        return False


def _family(pid: int) -> list[psutil.Process]:
    """List a process, its descendants, and orphans of theirs in its session."""
    family = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        family = {each.pid: each for each in [leader, *leader.children(recursive=True)]}
    for each in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(each.pid) == pid:
                family[each.pid] = each
    return list(family.values())


def _kill_after(grace_seconds: float, family: list[psutil.Process]) -> None:
    """Give processes some time to end, then end them."""
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for each in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(alive, timeout=_KILL_SECONDS)

"""Processes of a stack: started and ended together, recognised by their working folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.errors import ProcessFailed

_POLL_SECONDS = 0.1
_SIGN_OF_LIFE_SECONDS = 10.0
_KILL_SECONDS = 15.0
_PROGRAMS = ("python", "postgres")
_SWEEPS = 3
_STABLE_SECONDS = 60.0
_STARTS = 5


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a process is started and ended.

    Attributes:
        name: what people call it; names its log.
        argv: program and arguments.
        env: its whole environment.
        user: the system user it runs as; this process's own where None.
        stop_signal: the signal that ends it in good order.
        grace_seconds: how long it may take to end by itself.
        serves_others: whether the other processes need it until they have ended.
        restarts: whether it can be started again when it has ended by itself.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 5.0
    serves_others: bool = False
    restarts: bool = False


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started process.

    Attributes:
        starts: how often it was started in a row without running for long.
        started: moment of the monotonic clock.
    """

    command: Command
    process: subprocess.Popen[bytes]
    log: Path
    starts: int = 1
    started: float = field(default_factory=time.monotonic)

    def wait_until(
        self, ready: Callable[[], bool], seconds: float, say: Callable[[str], None] | None = None
    ) -> None:
        """Wait until ``ready`` returns true; ``say`` now and then that it is still waited for.

        Raises:
            ProcessFailed: the process ended first, or the time is up.
        """
        started = said = time.monotonic()
        while not ready():
            self.check()
            now = time.monotonic()
            if now > started + seconds:
                raise ProcessFailed(
                    f"{self.command.name} was not ready after {seconds:.0f} s", self.log
                )
            if say and now > said + _SIGN_OF_LIFE_SECONDS:
                said = now
                say(f"  waiting for {self.command.name}")
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

    Their working folder is below one that nothing else uses, so the next start can find and end the
    processes of a stack that was killed. There is no gap: between fork and exec a child shares its
    parent's lock on the stack (see `stack.py`), and it has changed folder before it gives that up.

    Attributes:
        folder: the stack's.
    """

    folder: Path
    running: list[Running] = field(default_factory=list)

    @property
    def logs(self) -> Path:
        """Folder with a log for each process."""
        return self.folder / "logs"

    @property
    def workplace(self) -> Path:
        """Working folder of the processes."""
        return self.folder / "run"

    def start(self, command: Command) -> Running:
        """Start a process in a session of its own, out of reach of the terminal's Ctrl-C."""
        running = self._run(command)
        self.running.append(running)
        return running

    def check(self) -> None:
        """Raise ProcessFailed if a process that should be running has ended badly."""
        for each in self.running:
            if each.process.poll() not in (None, 0):
                each.check()

    def restart_ended(self) -> list[Running]:
        """Start again what has ended by itself, and return it.

        Raises:
            ProcessFailed: a process that cannot be started again has ended, or one that can ends
                whenever it is started.
        """
        restarted = []
        for position, each in enumerate(self.running):
            if each.command.restarts and each.process.poll() is not None:
                was_stable = time.monotonic() > each.started + _STABLE_SECONDS
                starts = 1 if was_stable else each.starts + 1
                if starts > _STARTS:
                    each.check()
                _kill(_session_of(each.process.pid))
                self.running[position] = self._run(each.command, starts)
                restarted.append(self.running[position])
        self.check()
        return restarted

    def stop(self) -> None:
        """End every process with its descendants; those that serve others last."""
        alive = [each for each in self.running if each.process.poll() is None]
        for serves_others in (False, True):
            wave = [each for each in alive if each.command.serves_others is serves_others]
            family = _with_descendants(psutil.Process(each.process.pid) for each in wave)
            for each in wave:
                each.process.send_signal(each.command.stop_signal)
            grace_seconds = max((each.command.grace_seconds for each in wave), default=0.0)
            _, stubborn = psutil.wait_procs(family, timeout=grace_seconds)
            _kill(stubborn)
            for each in wave:
                each.process.wait()
        self.running.clear()
        self.end_leftovers()

    def end_leftovers(self) -> None:
        """End every process with a working folder of this stack, and its descendants."""
        workplace = self.workplace.resolve()
        _end(lambda: [each for each in psutil.process_iter() if _works_in(each, workplace)])

    def _run(self, command: Command, starts: int = 1) -> Running:
        for folder in (self.logs, self.workplace):
            folder.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{command.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command.argv,
                env=dict(command.env),
                cwd=self.workplace,
                user=command.user,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(command=command, process=process, log=log, starts=starts)


def end_children() -> None:
    """End everything that this process has started and not yet ended."""
    _end(psutil.Process().children)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Tell whether a stack's program, not a person's shell, has its working folder in there."""
    with contextlib.suppress(psutil.Error):
        program = Path(process.exe()).name.lower()
        return program.startswith(_PROGRAMS) and Path(process.cwd()).is_relative_to(folder)
    return False


def _session_of(leader: int) -> list[psutil.Process]:
    """List the processes that one which has ended left in its session."""
    members = []
    for each in psutil.process_iter():
        with contextlib.suppress(OSError):
            if os.getsid(each.pid) == leader:
                members.append(each)
    return members


def _end(find: Callable[[], Iterable[psutil.Process]]) -> None:
    """End what ``find`` lists, with descendants, until it lists none: they may start others."""
    for _ in range(_SWEEPS):
        family = _with_descendants(find())
        if not family:
            return
        _kill(family)


def _with_descendants(processes: Iterable[psutil.Process]) -> set[psutil.Process]:
    family = set()
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family |= {each, *each.children(recursive=True)}
    return family


def _kill(processes: Collection[psutil.Process]) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(processes, timeout=_KILL_SECONDS)

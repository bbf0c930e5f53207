"""Runs tests in forks of one process that has collected them, and changes functions there.

What a fork has changed, cached or opened ends with it.
"""

import gc
import os
import pickle
import resource
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import _lru_cache_wrapper, partial
from itertools import accumulate, chain
from types import CodeType, FunctionType

_MOST_SECONDS = 10  # for a change; what only longer tests find is not found


class Tests:
    """The tests of a session.

    Attributes:
        session: pytest's.
        seconds: of a processor that each test takes.
        reached: for each file of interest, which of its functions each test calls, by first line.
    """

    def __init__(self, session, files):
        self.session = session
        self._files = files
        half = len(session.items) // 2
        halves = (session.items[:half], session.items[half:])
        measured = [*chain(*_answers([partial(self._measure, each) for each in halves]))]
        for name, seconds, _ in measured:
            if seconds is None:
                raise SystemExit(f"{name} fails without any change")
        self.seconds = [seconds for _, seconds, _ in measured]
        self.reached = [reached for _, _, reached in measured]
        self._functions = _functions_of(files)

    def reaching(self, path, lines, own):
        """List the tests that call what is in these lines of a file, the quickest first.

        Of those whose names begin with one of ``own``, as many as take ten seconds together.
        """
        first, last = lines
        found = [
            number
            for number, lines_of in enumerate(self.reached)
            if self.session.items[number].nodeid.startswith(own)
            and any(first <= line <= last for line in lines_of.get(path, ()))
        ]
        found.sort(key=self.seconds.__getitem__)
        together = accumulate(self.seconds[number] for number in found)
        return found[: sum(seconds <= _MOST_SECONDS for seconds in together)]

    def start(self, numbers, path, original, changed):
        """Fork, put changed code in place, and run tests until one fails; return the process."""
        process = os.fork()
        if process:
            return process
        status = 2
        try:
            with _apart():
                limit = 5 + round(3 * sum(self.seconds[number] for number in numbers))
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
                for before, after in _differences(original, changed):
                    for function in self._functions.get(before, ()):
                        function.__code__ = after
                status = 0 if self._run([self.session.items[number] for number in numbers]) else 1
        finally:
            os._exit(status)

    def _run(self, items):
        for item, following in _in_pairs(items):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.session.testsfailed:
                return False
        return True

    def _measure(self, items):
        """Return of each test its name, the seconds it takes, and what it calls."""
        measured = []
        caches = [each for each in gc.get_objects() if isinstance(each, _lru_cache_wrapper)]
        for item, following in _in_pairs(items):
            for cache in caches:
                cache.cache_clear()
            reached, began = {}, time.process_time()
            trace = self._noting(reached)
            threading.settrace(trace)
            sys.settrace(trace)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            sys.settrace(None)
            took = None if self.session.testsfailed else time.process_time() - began
            measured.append((item.nodeid, took, reached))
            if took is None:
                break
        return measured

    def _noting(self, lines):
        files = self._files

        def trace(frame, event, argument):
            code = frame.f_code
            if code.co_filename in files:
                lines.setdefault(code.co_filename, set()).add(code.co_firstlineno)

        return trace


@contextmanager
def _apart():
    """Let a fork say nothing, and keep its temporary files where no other removes them."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        tempfile.tempdir = own
        yield


def _answers(works):
    """Return what functions answer, each in a fork of its own."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in works]
        processes = [_begun(work, file) for work, file in zip(works, files, strict=True)]
        for process in processes:
            os.waitpid(process, 0)
        for file in files:
            file.seek(0)
        return [pickle.load(file) for file in files]  # noqa: S301


def _begun(work, file):
    process = os.fork()
    if not process:
        try:
            with _apart():
                pickle.dump(work(), file)
                file.flush()
        finally:
            os._exit(0)
    return process


def _in_pairs(items):
    """Go through tests, each with the one that follows, as pytest wants it."""
    return zip(items, [*items[1:], None], strict=True)


def _functions_of(files):
    """Return the living functions of files by their code."""
    found = {}
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename in files:
            found.setdefault(each.__code__, []).append(each)
    return found


def _differences(before, after):
    """Yield the code of each function that differs."""
    for old, new in zip(before.co_consts, after.co_consts, strict=False):
        if isinstance(old, CodeType) and isinstance(new, CodeType) and old != new:
            if old.co_flags & 2:  # a function, not the body of a class
                yield old, new
            yield from _differences(old, new)

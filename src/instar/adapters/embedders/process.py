"""A model in a process and an environment of its own, for a library that cannot be installed beside another."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from threading import RLock, Thread, Timer
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np

from instar import __version__, errors
from instar.adapters.embedders.frames import Message, receive, send
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import InstarError, ModelAwayError, ModelChangedError, ModelMissingError, ModelUnsoundError
from instar.installing import pip_install
from instar.ports import Embedded, Encoder

PYTHON = "python"
"""The option that asks for a process: the Python of the environment that has Instar and the model's library."""
WORKER = "instar.adapters.embedders.worker"
ANSWER_SECONDS = 300.0
"""As long as the server of a model gets: a large one is read from disk first, and then takes seconds a text."""
BRIEF_SECONDS = 30.0
"""For a search, which has an answer without the model: each starts a process, whose library and weights take seconds to
load; one that takes longer is away."""
LAST_LINES = 20
"""Of its standard error that are kept: the last one with words in it tells why a process ended."""
LAST_WORDS_SECONDS = 2.0
"""How long the standard error of a killed process is waited for: it is at its end unless something odd holds it."""


class _EndedError(Exception):
    """The process has ended; the text is the last line it wrote to standard error."""


class _Introduction(NamedTuple):
    facts: EncoderFacts
    batch: int
    agreement: float


class ProcessEncoder:
    """See `instar.ports.Encoder`: asks the encoder that `make` makes of the entry in another process.

    `make` is a function or class of a module and is told to that process by its name. The process starts with the
    first question; one that has died, or was killed for leaving a question without an answer for `seconds`, is started
    anew with the next. A Ctrl-C here ends it.
    """

    def __init__(
        self, entry: ModelEntry, make: Callable[[ModelEntry], Encoder], seconds: float = ANSWER_SECONDS
    ) -> None:
        self._python = os.path.expanduser(str(entry.options[PYTHON]))  # noqa: PTH111 - raises nothing for a user who is none
        self._entry = replace(entry, options={key: value for key, value in entry.options.items() if key != PYTHON})
        self._make = make
        self._seconds = seconds
        self._lock = RLock()  # one question at a time
        self._child: _Child | None = None
        self._told: _Introduction | None = None

    @property
    def facts(self) -> EncoderFacts:
        """What identifies the model."""
        return self._introduction().facts

    @property
    def batch(self) -> int:
        """Texts to hand over at once."""
        return self._introduction().batch

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text."""
        return self._introduction().agreement

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return what the model gives, (n, d). Raises `ModelAwayError` where the process ended or hung over it."""
        reply, payload = self._asked({"texts": list(texts)})
        vectors = np.frombuffer(payload, np.float32).reshape(reply["shape"])
        return Embedded(vectors, tuple(reply["cut"]))

    def familiarity(self, text: str) -> float:
        """Return the share of words that the vocabulary holds whole."""
        reply, _ = self._asked({"question": text})
        return float(reply["familiarity"])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            child, self._child = self._child, None
            if child is not None:
                child.end()

    def _asked(self, request: Mapping[str, Any]) -> Message:
        with self._lock:
            try:
                answer = self._opened().ask(request)
            except _EndedError as error:
                self._child = None
                raise ModelAwayError(
                    f"the process of {self._entry.name} ended in the middle of its work ({error})",
                    "run it again: what was done is kept",
                ) from error
            except BaseException:
                self.close()  # an answer that nobody read would be taken for that to the next question
                raise
        _raise_error(answer[0])
        return answer

    def _introduction(self) -> _Introduction:
        with self._lock:
            if self._told is None:
                self._opened()
        return cast("_Introduction", self._told)

    def _opened(self) -> "_Child":
        """Return the running process. Raises `ModelChangedError` where it holds another model than the one before."""
        if self._child is None or self._child.hung:
            child = _Child(self._python, self._entry.name, self._seconds)
            try:
                told = self._introduced(child)
                if self._told not in (None, told):
                    raise ModelChangedError(
                        f"{self._entry.name} is another model since its process was started again",
                        "see `instar model check`",
                    )
            except BaseException:
                child.end()
                raise
            self._child, self._told = child, told
        return self._child

    def _introduced(self, child: "_Child") -> _Introduction:
        try:
            reply, _ = child.ask(
                {
                    "version": __version__,
                    "install": pip_install(python=self._python),
                    "entry": asdict(self._entry),
                    "module": self._make.__module__,
                    "name": self._make.__name__,
                }
            )
        except _EndedError as error:
            raise ModelMissingError(
                f"{self._entry.name} does not start in {self._python} ({error})",
                f"see that it has Instar and the model's library: {pip_install(python=self._python)}",
            ) from error
        _raise_error(reply)
        return _Introduction(EncoderFacts(**reply["facts"]), reply["batch"], reply["agreement"])


class _Child:
    """The process, in a session of its own: a Ctrl-C in the terminal reaches Instar, which ends it.

    Should Instar be killed, the process reads the end of its input and ends itself.
    """

    def __init__(self, python: str, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self.hung = False
        # -P: nothing is imported from the folder Instar happens to run in. PYTHONPATH belongs to Instar's environment.
        command = [python, "-P", "-m", WORKER]
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user names it
                command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, env=environment
            )
        except OSError as error:
            raise ModelMissingError(
                f"{python} cannot be run ({error.strerror})",
                f"let the option `{PYTHON}` name the Python of an environment that has Instar and the model's library",
            ) from error
        self._lines: deque[bytes] = deque(maxlen=LAST_LINES)
        self._listener = Thread(target=self._lines.extend, args=(self._process.stderr,), daemon=True)
        self._listener.start()

    def ask(self, request: Mapping[str, Any]) -> Message:
        """Return the answer. Raises `_EndedError` where the process ends instead, `ModelAwayError` where it hangs."""
        try:
            with self._watched():
                send(cast("BinaryIO", self._process.stdin), request)
                answer = receive(cast("BinaryIO", self._process.stdout))
        except (EOFError, OSError) as error:
            self.end()
            if self.hung:
                raise ModelAwayError(
                    f"the process of {self._name} does not answer (nothing came for {self._seconds:g} s)",
                    "run it again: what was done is kept",
                ) from error
            raise _EndedError(self._last_line()) from error
        if self.hung:  # the time was over between the answer and the end of watching
            self.end()
        return answer

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Kill the process when the time is over, which ends any wait for it, in reading and in writing."""
        timer = Timer(self._seconds, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _give_up(self) -> None:
        self.hung = True
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:  # once it was waited for, its number may be that of another process
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill the process, and whatever it started; it holds nothing that would be lost."""
        self._kill()
        self._process.wait()
        self._listener.join(LAST_WORDS_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what could not be sent any more
                cast("BinaryIO", stream).close()

    def _last_line(self) -> str:
        lines = (line.decode("utf-8", "replace").strip() for line in reversed(self._lines))
        return next(filter(None, lines), f"exit code {self._process.returncode}")


def _raise_error(reply: Mapping[str, Any]) -> None:
    """Raise the error an answer tells of, as what it was there."""
    if "error" in reply:
        kind = getattr(errors, reply["error"], ModelUnsoundError)
        raise cast("InstarError", kind(reply["message"], reply["remedy"]))

"""Encoders that go wrong, to be run in a process of their own; `source` of the entry says where they leave a trace."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from instar.domain.catalogue import ModelEntry
from instar.errors import ModelUnsoundError
from instar.ports import Embedded
from instar.testing import HashEncoder


class Mortal(HashEncoder):
    """Dies of the word `die` the first time it reads it, with two lines on standard error, the last one empty."""

    def __init__(self, entry: ModelEntry) -> None:
        super().__init__(entry)
        self._trace = Path(entry.source)

    def encode(self, texts: Sequence[str]) -> Embedded:
        if "die" in texts and not self._trace.exists():
            self._trace.touch()
            sys.stderr.write("out of memory\n\n")
            sys.stderr.flush()
            os._exit(1)
        return super().encode(texts)


class Changing(Mortal):
    """Is another model the second time it is started."""

    def __init__(self, entry: ModelEntry) -> None:
        super().__init__(entry)
        self.batch = 1 + self._trace.exists()


class Refusing(HashEncoder):
    def encode(self, texts: Sequence[str]) -> Embedded:
        raise ModelUnsoundError(f"{len(texts)} texts", "send none")


class Noisy(HashEncoder):
    """Prints to standard output and reads standard input, as libraries do that ask for consent."""

    def encode(self, texts: Sequence[str]) -> Embedded:
        print("100 %", sys.stdin.read())
        os.system("echo from below")
        return super().encode(texts)


class Waiting(HashEncoder):
    """Opens the pipe `source` for writing, so that whoever reads there learns when it begins and when it is gone."""

    def __init__(self, entry: ModelEntry) -> None:
        super().__init__(entry)
        self._pipe = os.open(entry.source, os.O_WRONLY)

    def encode(self, texts: Sequence[str]) -> Embedded:
        os.write(self._pipe, b"begun")
        if texts == ["for ever"]:
            os.read(os.pipe()[0], 1)
        return super().encode(texts)

"""The server that comes with llama-cpp-python, in a process of its own; it speaks OpenAI's protocol."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import NamedTuple

LISTENS = re.compile(r"running on (http://127\.0\.0\.1:\d+)")
ANSWERED = '"POST /v1/embeddings HTTP/1.1" 200'


class LlamaServer(NamedTuple):
    """`answered` is set once it has given vectors."""

    url: str
    process: subprocess.Popen[str]
    answered: Event


@contextmanager
def serving(gguf: str) -> Iterator[LlamaServer]:
    """Serve the model of a file, on a port that was free, until the block is left."""
    command = [sys.executable, "-m", "llama_cpp.server", "--model", gguf, "--embedding", "true", "--verbose", "false"]
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": "0"}  # believed before the arguments of these names
    pipe, joined = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdout=pipe, stderr=joined, text=True, env=environment) as process:
        assert process.stdout is not None
        answered = Event()
        reader = Thread(target=_listen, args=(process.stdout, answered))
        try:
            url = _url(process.stdout)
            reader.start()
            yield LlamaServer(f"{url}/v1", process, answered)
        finally:
            process.kill()
            if reader.ident is not None:
                reader.join()


def _url(lines: Iterator[str]) -> str:
    said = []
    for line in lines:
        said.append(line)
        if found := LISTENS.search(line):
            return found[1]
    raise RuntimeError(f"the server ended: {''.join(said)}")


def _listen(lines: Iterator[str], answered: Event) -> None:
    """Read all lines, or the server would wait for a reader."""
    for line in lines:
        if ANSWERED in line:
            answered.set()

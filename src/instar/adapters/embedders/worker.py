"""The other end of `instar.adapters.embedders.process`: runs an encoder and answers for it, until nobody asks.

Started as `python -m instar.adapters.embedders.worker` in the environment that has the model's library. An error of
Instar is an answer like any other; whatever else goes wrong ends the process, and its last line says what it was.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from instar import __version__
from instar.adapters.embedders.frames import Message, receive, send
from instar.domain.catalogue import ModelEntry
from instar.errors import InstarError, ModelMissingError
from instar.ports import Encoder


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer every message of `requests` with one to `replies`.

    The first opens the encoder; the others are texts to encode, or a question to be looked at.
    """
    encoder: Encoder | None = None
    while True:
        try:
            request, _ = receive(requests)
        except EOFError:
            return
        try:
            if encoder is None:
                encoder = _opened(request)
                reply = _introduction(encoder)
            elif "question" in request:
                reply = {"familiarity": encoder.familiarity(request["question"])}, b""
            else:
                reply = _encoded(encoder, request["texts"])
        except InstarError as error:
            reply = {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}, b""
        send(replies, *reply)


def _opened(request: Mapping[str, Any]) -> Encoder:
    if request["version"] != __version__:
        raise ModelMissingError(
            f"{sys.executable} has Instar {__version__}, not {request['version']}",
            request["install"],
        )
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in request["entry"].items()
    }
    entry = ModelEntry(**values)
    encoder: Encoder = getattr(import_module(request["module"]), request["name"])(entry)
    return encoder


def _introduction(encoder: Encoder) -> Message:
    return {"facts": asdict(encoder.facts), "batch": encoder.batch, "agreement": encoder.agreement}, b""


def _encoded(encoder: Encoder, texts: list[str]) -> Message:
    vectors, cut = encoder.encode(texts)
    return {"shape": vectors.shape, "cut": cut}, np.ascontiguousarray(vectors, np.float32).tobytes()


def main() -> None:
    """Serve on standard input and output, which nothing else in this process can touch from here on."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a library prints must not get among the answers
    serve(requests, replies)


if __name__ == "__main__":
    main()

"""Messages between Instar and a model in a process of its own: two lengths, a JSON object, bytes."""

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")
"""Of the JSON and of the bytes behind it; both ends run on one machine, so those keep its byte order."""

Message = tuple[dict[str, Any], bytes]


def send(stream: BinaryIO, header: Mapping[str, Any], payload: bytes = b"") -> None:
    """Write one message. Raises `OSError` where nobody reads any more."""
    encoded = json.dumps(header).encode()
    stream.write(LENGTHS.pack(len(encoded), len(payload)) + encoded + payload)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Wait for one message. Raises `EOFError` where the other end is gone."""
    encoded, payload = LENGTHS.unpack(_exactly(stream, LENGTHS.size))
    return json.loads(_exactly(stream, encoded)), _exactly(stream, payload)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    found = stream.read(count)
    if len(found) < count:
        raise EOFError
    return found

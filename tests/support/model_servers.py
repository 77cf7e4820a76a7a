"""Servers of models, in a thread: they speak the documented protocols strictly and misbehave when told to.

Ollama: docs/api.md of its repository ("Generate Embeddings", "List Local Models", "Show Model Information"), the
wording of refusals from its server. OpenAI: API reference, "Create embeddings", and the guide's limits of a request.
Vectors are those of `HashEmbedder`; a word is a token.
"""

import base64
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import numpy as np

from instar.testing import HashEmbedder

NAN = float("nan")
MOST_INPUTS = 2048
"""OpenAI: "any array must be 2048 dimensions or less"."""
MOST_TOKENS = 300_000
"""OpenAI: summed over all inputs of a request."""


class RefusalError(Exception):
    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class DeathError(Exception):
    """The process ends while it writes its answer."""


class SilenceError(Exception):
    """No answer comes until the server is stopped."""


class GibberishError(Exception):
    """An answer that is no JSON, as from a proxy's page."""


Rows = list[list[float]]


@dataclass
class Behaviour:
    """What a server does beside answering.

    `faults` are raised at the next questions for vectors, one each (None: not at this one), `always` at all after.
    `spoil` changes the rows. `window` is the words of a text that the model reads, `too_long` what is said of a longer
    one instead of the protocol's own words. A text with the word `not_finite` has no finite vector.
    """

    faults: list[Exception | None] = field(default_factory=list)
    always: Exception | None = None
    spoil: Callable[[Rows], object] | None = None
    window: int = 100_000
    too_long: Exception | None = None
    not_finite: str = ""


class ModelServer(ThreadingHTTPServer):
    """Keeps the (path, body, headers) it was asked with in `asked`; bodies are None for GET.

    `silenced` is set once a question is left without an answer.
    """

    daemon_threads = True

    def __init__(self, dimensions: int = 64) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        self.silenced = threading.Event()
        self.stopped = threading.Event()
        self.behaviour = Behaviour()
        self.dimensions = dimensions
        self.digest = "sha-1"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def vectors(self, texts: list[str]) -> Rows:
        """The rows of these texts, without any fault."""
        rows: Rows = HashEmbedder(self.dimensions, revision=self.digest).embed_documents(texts).vectors.tolist()
        return rows

    def inputs(self) -> list[list[str]]:
        """The texts of each question for vectors so far."""
        return [body["input"] for _, body, _ in self.asked if body is not None and "input" in body]

    def answer(self, path: str, body: Any, headers: dict[str, str]) -> object:
        raise NotImplementedError

    def misbehave(self) -> None:
        fault = self.behaviour.faults.pop(0) if self.behaviour.faults else self.behaviour.always
        if fault is not None:
            raise fault

    def check_finite(self, texts: list[str]) -> None:
        """Ollama cannot write NaN as JSON and says so, by its own protocol and by OpenAI's."""
        if any(self.behaviour.not_finite in text.split() for text in texts):
            raise RefusalError(500, "failed to encode response: json: unsupported value: NaN")

    def too_long(self, text: str) -> bool:
        return len(text.split()) > self.behaviour.window

    def spoilt(self, rows: Rows) -> Any:
        return self.behaviour.spoil(rows) if self.behaviour.spoil else rows

    def error(self, message: str) -> object:
        raise NotImplementedError


class OllamaServer(ModelServer):
    """An Ollama server with one model pulled, and others by name only.

    `truncates` is false for versions that refuse a long text although they are asked to cut it.
    """

    def __init__(self, name: str = "hash:latest", dimensions: int = 64) -> None:
        super().__init__(dimensions)
        self.name = name
        self.others: dict[str, str] = {}
        self.truncates = True
        self.info: dict[str, object] = {
            "general.architecture": "hash",
            "hash.embedding_length": dimensions,
            "hash.context_length": 100_000,
            "hash.pooling_type": 1,
            "clip.embedding_length": 7,
        }
        self.details: dict[str, object] = {"parent_model": "", "format": "gguf", "quantization_level": "Q8_0"}
        self.parameters = ""

    def answer(self, path: str, body: Any, headers: dict[str, str]) -> object:
        if path == "/api/tags" and body is None:
            pulled = {self.name: self.digest, **self.others}
            return {"models": [{"name": name, "model": name, "digest": digest} for name, digest in pulled.items()]}
        if path == "/api/show" and self._is_pulled(body["model"]):
            return {"parameters": self.parameters, "details": self.details, "model_info": self.info}
        if path == "/api/embed" and self._is_pulled(body["model"]):
            return {"model": body["model"], "embeddings": self._embedded(body), "total_duration": 1, "load_duration": 1}
        raise RefusalError(404, "404 page not found")

    def error(self, message: str) -> object:
        return {"error": message}

    def _is_pulled(self, name: str) -> bool:
        if name.lower() not in (self.name, self.name.removesuffix(":latest")):
            raise RefusalError(404, f"model '{name}' not found")
        return True

    def _embedded(self, body: Any) -> object:
        assert isinstance(body["input"], list)
        assert body.keys() <= {"model", "input", "truncate", "options", "keep_alive"}
        self.misbehave()
        for text in body["input"]:
            if self.too_long(text) and not (body.get("truncate", True) and self.truncates):
                raise self.behaviour.too_long or RefusalError(400, "the input length exceeds the context length")
        window = self.behaviour.window
        self.check_finite(body["input"])
        return self.spoilt(
            self.vectors([" ".join(t.split()[:window]) if self.too_long(t) else t for t in body["input"]])
        )


class OpenAIServer(ModelServer):
    """A server of OpenAI's protocol; it gives the vectors in another order than it was asked for them.

    `key` is wanted where it is not "". `knows_base64` is false for servers that refuse `encoding_format`.
    """

    def __init__(self, name: str = "hash", dimensions: int = 64, key: str = "") -> None:
        super().__init__(dimensions)
        self.name = name
        self.key = key
        self.knows_base64 = True

    def answer(self, path: str, body: Any, headers: dict[str, str]) -> object:
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            raise RefusalError(401, f"Incorrect API key provided: {headers.get('authorization', '')}")
        if path != "/embeddings":
            raise RefusalError(404, f"Unknown request URL: {path}")
        self._check(body)
        self.misbehave()
        rows = self.spoilt(self.vectors(body["input"]))
        if "dimensions" in body:
            rows = [row[: body["dimensions"]] for row in rows]
        shape = _in_base64 if body.get("encoding_format") == "base64" else _in_numbers
        data = [{"object": "embedding", "index": i, "embedding": shape(row)} for i, row in enumerate(rows)]
        return {"object": "list", "model": self.name, "data": data[::-1], "usage": {"prompt_tokens": 1}}

    def error(self, message: str) -> object:
        return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}

    def _check(self, body: Any) -> None:
        texts = body["input"]
        counts = [len(text.split()) for text in texts]
        if body["model"] != self.name:
            raise RefusalError(404, f"The model `{body['model']}` does not exist")
        if not texts or len(texts) > MOST_INPUTS or "" in texts:
            raise RefusalError(400, "'$.input' is invalid. Please check the API reference")
        if "encoding_format" in body and not self.knows_base64:
            raise RefusalError(400, "unsupported parameter: encoding_format")
        if "dimensions" in body and not self.name.startswith("text-embedding-3"):
            raise RefusalError(400, "This model does not support specifying dimensions.")
        if max(counts) > self.behaviour.window:
            message = f"This model's maximum context length is {self.behaviour.window} tokens"
            raise self.behaviour.too_long or RefusalError(400, message)
        if sum(counts) > MOST_TOKENS:
            raise RefusalError(400, f"Requested {sum(counts)} tokens, max {MOST_TOKENS} tokens per request")
        self.check_finite(texts)


def _in_base64(row: list[float]) -> str:
    return base64.b64encode(np.array(row, "<f4").tobytes()).decode()


def _in_numbers(row: list[float]) -> list[float]:
    return row


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart, and would wait for each other 40 ms
    server: ModelServer

    def do_GET(self) -> None:
        self._respond(None)

    def do_POST(self) -> None:
        self._respond(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def _respond(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, body, headers))
        try:
            self._write(200, json.dumps(self.server.answer(self.path, body, headers)).encode())
        except RefusalError as refusal:
            self._write(refusal.status, json.dumps(self.server.error(refusal.message)).encode(), refusal.headers)
        except GibberishError as gibberish:
            self._write(200, str(gibberish).encode())
        except SilenceError:
            self.server.silenced.set()
            self.server.stopped.wait()
            self.close_connection = True
        except DeathError:
            self._die()

    def _write(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _die(self) -> None:
        """Write the beginning of an answer and reset the connection."""
        self.wfile.write(b'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{"embeddings": [[0.1, ')
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


S = TypeVar("S", bound=ModelServer)


@contextmanager
def running(server: S) -> Iterator[S]:
    """Serve until the block is left."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()

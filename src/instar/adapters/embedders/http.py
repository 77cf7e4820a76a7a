"""Asking the server of a model over HTTP: waiting and attempts have bounds, and what does not help ends in one error.

Errors name the server without what may stand before `@` in its address, and never the key.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from instar.domain.catalogue import is_address
from instar.errors import ModelAwayError, ModelMissingError, ModelUnsoundError, SettingError

CONNECT_SECONDS = 5.0
"""A server that is up accepts a connection at once, also across an ocean."""
ANSWER_SECONDS = 300.0
"""A large model is first read from disk; on a CPU it then takes seconds a text, and a batch has several."""
FACTS_SECONDS = 20.0
"""What a server knows of a model it tells without loading it."""
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
"""Doubled with each attempt: 7.5 s in all, in which a server is started again or a burst is over."""
LONGEST_PAUSE_SECONDS = 60.0
"""Rates are counted by the minute: a server that asks for more patience than that is away."""
LONGEST_MESSAGE = 200
"""Characters of a server's own words in an error: it may quote the whole text it was asked for."""
PASSING = frozenset({429, 500, 502, 503, 504})
"""States of a server that another attempt may find changed."""
BUSY = frozenset({429, 503})
"""Those that say nothing of the texts, whatever their message."""
TOO_LARGE = 413
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# The words of OpenAI, vLLM, text-embeddings-inference, llama.cpp and Ollama. Ollama's runner ends with EOF on a text
# beyond its physical batch; another text does no harm.
_TOO_LONG = re.compile(
    r"context (length|size|window)|maximum (input|context) length|too (long|large)|less than \d+ tokens"
    r"|tokens per request|batch size|embedding request.*\bEOF",
    re.IGNORECASE,
)
# What Ollama says of a vector that cannot be written as JSON; earlier with status 500, later with 400.
_NOT_FINITE = re.compile(r"unsupported value: [+-]?(NaN|Inf)|contains NaN or Inf", re.IGNORECASE)

# The words of llama-cpp-python's server (with status 500) and of llama.cpp's own (501), started for chatting.
_NO_EMBEDDINGS = re.compile(r"created with embedding=True|not support embeddings", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for; `wait` is given seconds and returns when they are over."""

    answer_seconds: float = ANSWER_SECONDS
    attempts: int = ATTEMPTS
    wait: Callable[[float], None] = time.sleep


BRIEF = Patience(answer_seconds=5.0, attempts=1)
"""For a search, which has an answer without the model: a server is asked once, and one that takes longer is away."""


class RefusedError(ModelMissingError):
    """The server understood and says no."""


class TextsRefusedError(RefusedError):
    """The server says no to one of the texts: without that one, it may say yes."""


class TooLongError(TextsRefusedError):
    """A text, or all together, are beyond what the model reads."""


class NotFiniteError(TextsRefusedError):
    """The vector of a text is not finite, and so cannot be sent."""


class _AgainError(Exception):
    """Another attempt may help, after `seconds` if the server, having `answered`, says how many."""

    def __init__(self, reason: str, seconds: float | None = None, *, answered: bool = False) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.answered = answered


class JsonServer:
    """A server that takes and gives JSON. Opens no connection before it is asked.

    `start` says how it is started, for the error. Raises `SettingError` for an address that is none.
    """

    def __init__(self, url: str, start: str, patience: Patience, key: str = "") -> None:
        self._address = _address(url)
        self.url = str(self._address.copy_with(userinfo=b"")).rstrip("/")
        self._start = start
        self._patience = patience
        self._key = key
        self._client: httpx2.Client | None = None

    def ask(self, path: str, body: Mapping[str, object] | None = None, seconds: float | None = None) -> dict[str, Any]:
        """Return the object a path answers with, to POST where there is a body, within `seconds` if that is less.

        Raises `ModelAwayError`, `ModelUnsoundError` and `RefusedError`; `TextsRefusedError` where a text is the reason.
        """
        within = min(seconds or self._patience.answer_seconds, self._patience.answer_seconds)
        request = self._connected().build_request(
            "GET" if body is None else "POST",
            f"{self.url}{path}",
            content=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
            timeout=httpx2.Timeout(within, connect=CONNECT_SECONDS),
        )
        attempt = 1
        while True:
            try:
                return self._once(request, within)
            except _AgainError as again:
                pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) if again.seconds is None else again.seconds
                if attempt >= self._patience.attempts or pause > LONGEST_PAUSE_SECONDS:
                    raise self._unable(str(again)) if again.answered else self._away(str(again)) from again
            self._patience.wait(pause)
            attempt += 1

    def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _once(self, request: httpx2.Request, within: float) -> dict[str, Any]:
        try:
            response = self._connected().send(request)
        except httpx2.ConnectTimeout as error:
            raise self._away("it takes no connection") from error
        except httpx2.TimeoutException as error:
            raise self._away(f"nothing came for {within:g} s") from error
        except httpx2.ConnectError as error:
            raise self._away(str(error)) from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise _AgainError("the connection broke off") from error
        except httpx2.RequestError as error:
            raise self._away(str(error)) from error
        return self._read(response)

    def _connected(self) -> httpx2.Client:
        if self._client is None:
            here = self._address.host in LOOPBACK
            self._client = httpx2.Client(
                auth=(self._address.username, self._address.password) if self._address.userinfo else None,
                headers={"authorization": f"Bearer {self._key}"} if self._key else {},
                trust_env=not here,  # no proxy reaches this machine from outside
                verify=self._address.scheme == "https",  # certificates take 75 ms to load
            )
        return self._client

    def _read(self, response: httpx2.Response) -> dict[str, Any]:
        if not response.is_success:
            raise self._refusal(response)
        try:
            answer = response.json()
        except ValueError as error:
            raise unsound(self.url, "what is no JSON") from error
        if not isinstance(answer, dict):
            raise unsound(self.url, "no JSON object")
        return answer

    def _refusal(self, response: httpx2.Response) -> Exception:
        status = response.status_code
        said = _said(response) or f"HTTP {status}"
        message = f"{self.url} refuses: {self._clean(said)}"
        if status not in BUSY and (status == TOO_LARGE or _TOO_LONG.search(said)):
            return TooLongError(message, "cut the text, or raise the model's window")
        if status not in BUSY and _NOT_FINITE.search(said):
            return NotFiniteError(message, "see `instar model check`")
        if _NO_EMBEDDINGS.search(said):
            return RefusedError(message, "start the server for embeddings, or name a model made for them")
        if status in PASSING:
            return _AgainError(said, retry_after(response.headers.get("retry-after", "")), answered=True)
        return RefusedError(message, _remedy(status))

    def _away(self, reason: str) -> ModelAwayError:
        return ModelAwayError(f"{self.url} does not answer ({self._clean(reason)})", self._start)

    def _unable(self, reason: str) -> ModelAwayError:
        return ModelAwayError(f"{self.url} cannot answer now ({self._clean(reason)})", "try again later")

    def _clean(self, words: str) -> str:
        line = " ".join(words.split())
        line = line.replace(self._key, "[key]") if self._key else line
        return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}…"


def unsound(where: str, what: str) -> ModelUnsoundError:
    """Return the error for an answer that cannot be read."""
    return ModelUnsoundError(f"{where} answered {what}", "check that base_url is the address of such a server")


def retry_after(value: str) -> float | None:
    """Return the seconds a `Retry-After` asks for, given as a number or as a date (RFC 9110, 10.2.3), or None."""
    if value.strip().isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _address(url: str) -> httpx2.URL:
    with suppress(httpx2.InvalidURL):  # it reads more of an address than its beginning
        if is_address(url):
            return httpx2.URL(url)
    raise SettingError("the address of a model's server begins with http:// or https:// and a host", "mend base_url")


def _said(response: httpx2.Response) -> str:
    """Return the message of an error as the servers write it: `error` or `error.message`, `message`, `detail`."""
    try:
        answer = response.json()
    except ValueError:
        return response.text
    if isinstance(answer, dict):
        error = answer.get("error") or answer.get("message") or answer.get("detail")
        return str(error.get("message", error) if isinstance(error, dict) else error or "")
    return response.text


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "check the key, and what it may be used for"
    if status == 404:
        return "check the name of the model and base_url"
    return "check the model's options"

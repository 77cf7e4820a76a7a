"""Models at servers: each fault ends in one clear error, or in the vectors that there would have been without it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_servers import (
    NAN,
    Behaviour,
    DeathError,
    GibberishError,
    ModelServer,
    OllamaServer,
    OpenAIServer,
    RefusalError,
    SilenceError,
    running,
)

from instar.adapters.embedders.http import Patience
from instar.adapters.embedders.ollama import OllamaEncoder
from instar.adapters.embedders.openai import OpenAIEncoder
from instar.domain.catalogue import ModelEntry
from instar.domain.search import SearchRequest
from instar.embedding.encoding import EncodedModel
from instar.embedding.integrity import faults
from instar.errors import ModelAwayError, ModelError, ModelMissingError, ModelUnsoundError, SettingError
from instar.ports import Encoder, SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

TEXTS = ["open the file", "read every line", "close the file again"]
SECRET = "sk-planted-0123456789"
SOON = 0.2
"""Seconds: enough for a server in this process to answer, little to wait where it must not."""

Kind = Callable[..., Encoder]
KINDS: dict[str, tuple[type[ModelServer], Kind]] = {
    "ollama": (OllamaServer, OllamaEncoder),
    "openai": (OpenAIServer, OpenAIEncoder),
}


class Waits(list[float]):
    """Notes the seconds it is asked to wait, and waits none."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Remote:
    """A server with an encoder that asks it."""

    def __init__(self, server: ModelServer, kind: Kind, provider: str) -> None:
        self.server = server
        self.waits = Waits()
        self.entry = ModelEntry(f"{provider}:hash", provider, "hash", base_url=server.url)
        self.encoder = kind(self.entry, Patience(answer_seconds=30, wait=self.waits))
        self.impatient = kind(self.entry, Patience(answer_seconds=SOON, wait=self.waits))
        assert self.encoder.facts.dimensions == self.impatient.facts.dimensions == server.dimensions
        server.asked.clear()

    def expected(self, texts: list[str]) -> np.ndarray:
        return np.array(self.server.vectors(texts), np.float32)


@pytest.fixture(params=KINDS)
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    server, encoder = KINDS[request.param]
    with running(server()) as started:
        yield Remote(started, encoder, request.param)


# What passes


@pytest.mark.parametrize("fault", [DeathError(), RefusalError(500, "loading"), RefusalError(503, "busy")], ids=repr)
def test_what_passes_is_tried_again(remote: Remote, fault: Exception) -> None:
    remote.server.behaviour.faults = [fault, fault]
    np.testing.assert_allclose(remote.encoder.encode(TEXTS).vectors, remote.expected(TEXTS), atol=1e-6)
    assert len(remote.server.asked) == 3
    assert remote.waits == [0.5, 1.0]


@pytest.mark.parametrize("fault", [DeathError(), RefusalError(502, "no route"), RefusalError(504, "slow")], ids=repr)
def test_attempts_have_an_end(remote: Remote, fault: Exception) -> None:
    remote.server.behaviour.always = fault
    with pytest.raises(ModelAwayError, match=remote.server.url) as caught:
        remote.encoder.encode(TEXTS)
    assert len(remote.server.asked) == 5
    assert remote.waits == [0.5, 1.0, 2.0, 4.0]
    assert isinstance(fault, DeathError) or fault.args[0] in caught.value.message


def test_a_busy_server_is_waited_for_as_long_as_it_asks(remote: Remote) -> None:
    in_a_while = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    over = format_datetime(datetime.now(UTC) - timedelta(seconds=30), usegmt=True)
    values = ["7", in_a_while, over, "soon"]
    remote.server.behaviour.faults = [RefusalError(429, "slow down", retry_after=value) for value in values]
    remote.encoder.encode(TEXTS)
    first, date, past, unreadable = remote.waits
    assert (first, past, unreadable) == (7.0, 0.0, 4.0)
    assert 0 < date <= 30


def test_one_that_asks_for_an_hour_is_away(remote: Remote) -> None:
    remote.server.behaviour.always = RefusalError(429, "quota exceeded", retry_after="3600")
    with pytest.raises(ModelAwayError, match="quota exceeded"):
        remote.encoder.encode(TEXTS)
    assert remote.waits == []


# What does not


def test_a_server_that_is_down_is_named_with_what_to_start(remote: Remote) -> None:
    remote.encoder.close()
    remote.server.shutdown()
    remote.server.server_close()
    with pytest.raises(ModelAwayError, match=remote.server.url) as caught:
        remote.encoder.encode(TEXTS)
    assert caught.value.remedy
    assert remote.waits == []


def test_a_server_that_hangs_is_asked_once(remote: Remote) -> None:
    remote.server.behaviour.always = SilenceError()
    with pytest.raises(ModelAwayError, match=f"{SOON} s"):
        remote.impatient.encode(TEXTS)
    assert len(remote.server.asked) == 1


def test_a_refusal_is_told_in_one_short_line(remote: Remote) -> None:
    remote.server.behaviour.always = RefusalError(400, "no\nsuch option: " + "x" * 1000)
    with pytest.raises(ModelMissingError, match="no such option: xxx") as caught:
        remote.encoder.encode(TEXTS)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300
    assert len(remote.server.asked) == 1


@pytest.mark.parametrize("spoil", [
    lambda rows: rows[:-1],
    lambda rows: [*rows, rows[0]],
    lambda rows: [rows[0][:5], *rows[1:]],
    lambda rows: [["a"] * len(rows[0])] * len(rows),
    lambda rows: [None] * len(rows),
], ids=["too few", "too many", "one shorter", "words", "nothing"])  # fmt: skip
def test_an_answer_that_is_no_vectors_is_refused(remote: Remote, spoil: Callable[..., object]) -> None:
    remote.encoder.encode(TEXTS)
    remote.server.behaviour.spoil = spoil
    if isinstance(remote.server, OpenAIServer):
        remote.server.knows_base64 = False
    with pytest.raises(ModelUnsoundError, match=remote.server.url):
        remote.encoder.encode(TEXTS)


def test_a_page_instead_of_an_answer_is_refused(remote: Remote) -> None:
    remote.server.behaviour.always = GibberishError("<html>Sign in</html>")
    with pytest.raises(ModelUnsoundError, match="no JSON"):
        remote.encoder.encode(TEXTS)


def test_vectors_of_another_length_than_the_models_are_refused(remote: Remote) -> None:
    model = EncodedModel(remote.encoder, remote.entry)
    remote.server.behaviour.spoil = lambda rows: [row[:-1] for row in rows]
    with pytest.raises(ModelUnsoundError, match=r"not \(3, 64\)"):
        model.embed_documents(TEXTS)


def test_a_vector_that_is_not_finite_reaches_the_check_of_vectors(remote: Remote) -> None:
    model = EncodedModel(remote.encoder, remote.entry)
    remote.server.behaviour.spoil = lambda rows: [[NAN, *row[1:]] if i == 1 else row for i, row in enumerate(rows)]
    assert faults(model.embed_documents(TEXTS).vectors, 3, model.spec).keys() == {1}


@given(ill=st.sets(st.integers(0, 6)), long=st.sets(st.integers(0, 6)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_text_costs_the_others_nothing(remote: Remote, ill: set[int], long: set[int]) -> None:
    """However many texts are too long, or have no finite vector: exactly those are marked, all others are whole."""
    remote.server.behaviour = Behaviour(window=6, not_finite="ill")
    texts = [f"text {i}" + " ill" * (i in ill) + " word" * 20 * (i in long) for i in range(7)]
    found = remote.encoder.encode(texts)
    assert set(found.cut) == long
    assert {i for i in range(7) if not np.isfinite(found.vectors[i]).all()} == ill
    expected = remote.expected([f"text {i}" for i in range(7)])
    whole = [i for i in range(7) if i not in ill | long]
    np.testing.assert_allclose(found.vectors[whole], expected[whole], atol=1e-6)


@pytest.mark.parametrize(("status", "message"), [
    (500, "input length exceeds maximum context length"),
    (400, "the input length exceeds the context length"),
    (500, 'do embedding request: Post "http://127.0.0.1:40001/embedding": EOF'),
    (400, "This model's maximum context length is 8192 tokens, however you requested 8610 tokens"),
    (400, "Invalid 'input[0]': maximum input length is 8192 tokens."),
    (413, "`inputs` must have less than 512 tokens. Given: 1000"),
    (413, "batch size 64 > maximum allowed batch size 32"),
    (500, "input is too large to process. increase the physical batch size"),
    (422, "input " + "x" * 1000 + " is too long"),
], ids=range(9))  # fmt: skip
def test_the_words_of_many_servers_for_a_long_text_are_known(remote: Remote, status: int, message: str) -> None:
    remote.server.behaviour = Behaviour(window=3, too_long=RefusalError(status, message))
    found = remote.encoder.encode(["one two", "one two three four five six"])
    assert found.cut == (1,)
    assert np.isfinite(found.vectors).all()
    assert remote.waits == []


def test_ctrl_c_ends_the_wait_for_a_busy_server(remote: Remote) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    remote.server.behaviour.always = RefusalError(503, "busy")
    encoder = KINDS[remote.entry.provider][1](remote.entry, Patience(wait=interrupted))
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(TEXTS)
    assert len(remote.server.inputs()) == 1


def test_ctrl_c_ends_the_wait_for_an_answer(remote: Remote) -> None:
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from instar.domain.catalogue import ModelEntry\n"
        "from instar.wiring.models import encoder_here\n"
        "entry = ModelEntry('remote', sys.argv[1], 'hash', dimensions=64, base_url=sys.argv[2])\n"
        "encoder = encoder_here(entry)\n"
        "try:\n"
        "    encoder.encode(['a text'])\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    remote.server.behaviour.always = SilenceError()
    remote.server.silenced.clear()
    command = [sys.executable, "-c", code, remote.entry.provider, remote.server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert remote.server.silenced.wait(60)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0] == "interrupted\n"


def test_a_server_on_this_machine_is_asked_without_a_proxy(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    encoder = KINDS[remote.entry.provider][1](remote.entry)
    np.testing.assert_allclose(encoder.encode(TEXTS).vectors, remote.expected(TEXTS), atol=1e-6)


def test_an_address_that_is_none_is_a_setting_to_mend() -> None:
    for url in ("localhost:11434", "ftp://here", "http://", "http://[::1"):
        with pytest.raises(SettingError, match="http://"):
            OllamaEncoder(ModelEntry("ollama:hash", "ollama", "hash", base_url=url))


def test_a_password_in_the_address_is_used_and_not_told(remote: Remote) -> None:
    url = remote.server.url.replace("http://", "http://user:hunter2@")
    entry = ModelEntry("mine", remote.entry.provider, "hash", base_url=url)
    encoder = KINDS[entry.provider][1](entry)
    encoder.encode(TEXTS)
    assert remote.server.asked[-1][2]["authorization"].startswith("Basic ")
    remote.server.behaviour.always = RefusalError(400, "no")
    with pytest.raises(ModelError) as caught:
        encoder.encode(TEXTS)
    assert "hunter2" not in str(caught.value)


def test_a_text_may_hold_what_is_no_unicode(remote: Remote) -> None:
    name = os.fsdecode(b"caf\xe9")
    np.testing.assert_allclose(remote.encoder.encode([name]).vectors, remote.expected(["caf?"]), atol=1e-6)


def named_mine(remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that want the model of the server, which the user's file names."""
    config = tmp_path / "config"
    (config / "instar").mkdir(parents=True)
    (config / "instar" / "models.toml").write_text(
        f'[mine]\nprovider = "{remote.entry.provider}"\nsource = "hash"\nbase_url = "{remote.server.url}"\n'
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    return Settings(data=tmp_path / "data", model="mine", storage="float32")


def test_a_search_asks_a_server_that_is_away_only_once(
    remote: Remote, tmp_path: Path, write_tree: Callable[[Path, range, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = named_mine(remote, tmp_path, monkeypatch)
    write_tree(tmp_path / "tree", range(2), 1)
    Workspace(chosen).index([tmp_path / "tree"], SilentProgress())
    (tmp_path / "tree" / "new.txt").write_text("a delay between two attempts\n")
    searching = Workspace(chosen, brief=True)
    remote.server.behaviour.always = RefusalError(503, "busy", Retry_After="0")
    before = len(remote.server.inputs())
    with pytest.raises(ModelAwayError):
        searching.index([tmp_path / "tree"], SilentProgress(), seconds=60, build_wanted=False)
    assert len(remote.server.inputs()) == before + 1
    answer = searching.search(SearchRequest("delay between attempts"))
    assert answer.hits
    assert "cannot answer now" in str(answer.degraded)
    assert len(remote.server.inputs()) == before + 1
    remote.server.behaviour.always = None
    assert searching.search(SearchRequest("delay between attempts")).degraded is None  # it may be back
    searching.close()


def test_a_build_that_a_server_breaks_off_is_taken_up_again(
    remote: Remote, tmp_path: Path, write_tree: Callable[[Path, range, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = named_mine(remote, tmp_path, monkeypatch)
    write_tree(tmp_path / "tree", range(8), 1)
    workspace = Workspace(chosen)
    remote.server.behaviour = Behaviour(faults=[None], always=RefusalError(404, "the model was removed"))
    with suppress(ModelError):
        workspace.index([tmp_path / "tree"], SilentProgress())
    assert len(remote.server.inputs()) >= 2
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        assert active is None or snapshot.completeness(active.id).missing == 0
    remote.server.behaviour = Behaviour()
    workspace.index([tmp_path / "tree"], SilentProgress())
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        assert active is not None
        assert active.model.provider == remote.entry.provider
        assert snapshot.completeness(active.id).missing == 0
        assert snapshot.completeness(active.id).quarantined == 0
    workspace.close()

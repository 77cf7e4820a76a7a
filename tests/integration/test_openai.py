"""How a server of OpenAI's protocol is asked, and what it is not told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_servers import OpenAIServer, RefusalError, running

from instar.adapters.embedders.openai import OpenAIEncoder
from instar.domain.catalogue import ModelEntry
from instar.embedding.encoding import EncodedModel
from instar.errors import ModelMissingError
from instar.settings import Settings
from instar.wiring.models import Models

TEXTS = ["open the file", "read every line", "close the file again"]
SECRET = "sk-planted-0123456789"


@pytest.fixture
def openai() -> Iterator[OpenAIServer]:
    with running(OpenAIServer("text-embedding-3-hash", key=SECRET)) as server:
        yield server


def entry_for(server: OpenAIServer, **changes: Any) -> ModelEntry:
    entry = ModelEntry("mine", "openai", server.name, base_url=server.url, options={"api_key_env": "MY_KEY"})
    return replace(entry, **changes)


def test_the_key_is_read_where_the_entry_says(openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ModelMissingError, match="MY_KEY is not set") as caught:
        OpenAIEncoder(entry_for(openai))
    assert caught.value.remedy.startswith("export MY_KEY=")
    monkeypatch.setenv("MY_KEY", f"{SECRET}\n")
    assert OpenAIEncoder(entry_for(openai)).facts.dimensions == 64


def test_openais_key_goes_to_no_other_server(openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with pytest.raises(ModelMissingError):
        OpenAIEncoder(entry_for(openai, options={})).encode(TEXTS)
    assert "authorization" not in openai.asked[0][2]
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelMissingError, match="OPENAI_API_KEY is not set"):
        OpenAIEncoder(entry_for(openai, options={}, base_url=""))


def test_a_key_is_in_no_message(
    openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("MY_KEY", SECRET + "wrong")
    with pytest.raises(ModelMissingError, match="Incorrect API key") as caught:
        OpenAIEncoder(entry_for(openai)).encode(TEXTS)
    assert caught.value.remedy == "check the key, and what it may be used for"
    for key in ("sk-é-planted", "sk-planted\nsecond-line"):
        monkeypatch.setenv("MY_KEY", key)
        with pytest.raises(ModelMissingError, match="no key has") as other:
            OpenAIEncoder(entry_for(openai))
        assert "planted" not in str(other.value)
    assert "planted" not in str(caught.value) + caplog.text


def test_vectors_come_in_the_order_of_the_texts(openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    encoder = OpenAIEncoder(entry_for(openai))
    np.testing.assert_allclose(encoder.encode(TEXTS).vectors, openai.vectors(TEXTS), atol=1e-6)


def test_a_server_without_base64_is_asked_for_numbers_from_then_on(
    openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    openai.knows_base64 = False
    encoder = OpenAIEncoder(entry_for(openai))
    for _ in range(2):
        np.testing.assert_allclose(encoder.encode(TEXTS).vectors, openai.vectors(TEXTS), atol=1e-6)
    assert ["encoding_format" in body for _, body, _ in openai.asked] == [True, False, False, False]


def test_the_server_truncates_where_the_model_can(openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    entry = entry_for(openai, truncation=16)
    model = EncodedModel(OpenAIEncoder(entry), entry)
    assert (model.spec.dimensions, model.spec.truncation) == (64, 16)
    short = np.array(openai.vectors(TEXTS), np.float32)[:, :16]
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    np.testing.assert_allclose(model.embed_documents(TEXTS).vectors, short, atol=1e-6)
    assert openai.asked[-1][1]["dimensions"] == 16
    openai.name = "another"
    entry = entry_for(openai, truncation=16)
    np.testing.assert_allclose(
        EncodedModel(OpenAIEncoder(entry), entry).embed_documents(TEXTS).vectors, short, atol=1e-6
    )
    assert "dimensions" not in openai.asked[-1][1]


def test_a_request_holds_no_more_than_the_server_takes(openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    encoder = OpenAIEncoder(entry_for(openai, dimensions=64))
    texts = ["a" * 120_000, "b" * 120_000, "c" * 120_000, ""]
    found = encoder.encode(texts)
    assert found.cut == ()
    np.testing.assert_allclose(found.vectors, openai.vectors(texts), atol=1e-6)
    assert [len(group) for group in openai.inputs()] == [2, 2]
    assert encoder.batch <= 2048


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "Llama model must be created with embedding=True to call this method"),
        (501, "This server does not support embeddings. Start it with `--embeddings`"),
    ],
)
def test_a_server_that_was_started_for_chatting_is_told_at_once(
    openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    openai.behaviour.always = RefusalError(status, message)
    with pytest.raises(ModelMissingError) as caught:
        OpenAIEncoder(entry_for(openai)).encode(TEXTS)
    assert message in caught.value.message
    assert caught.value.remedy == "start the server for embeddings, or name a model made for them"
    assert len(openai.asked) == 1


def test_a_long_text_is_halved_until_it_is_taken(openai: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    openai.behaviour.window = 3
    found = OpenAIEncoder(entry_for(openai)).encode(["one", "aa bb cc dd ee ff gg hh"])
    assert found.cut == (1,)
    np.testing.assert_allclose(found.vectors, openai.vectors(["one", "aa bb"]), atol=1e-6)


MINE = '[mine]\nprovider = "openai"\nbase_url = "http://127.0.0.1:9"\ndimensions = 64\n'


@pytest.mark.parametrize(("then", "now"), [
    ("truncation = 16", "truncation = 16\ncentred = true"),
    ("truncation = 16\ncentred = true", "truncation = 16"),
    ("context_tokens = 128", ""),
    ("", "context_tokens = 128"),
])  # fmt: skip
def test_the_model_of_stored_vectors_is_found_by_what_was_known_of_it_then(tmp_path: Path, then: str, now: str) -> None:
    file = tmp_path / "models.toml"
    file.write_text(MINE + then)
    stored = Models(tmp_path, Settings(data=tmp_path)).named("mine").spec
    file.write_text(MINE + now)
    models = Models(tmp_path, Settings(data=tmp_path))
    assert models.named("mine").spec != stored
    assert models.of(stored).spec == stored


@pytest.mark.parametrize("more", ["centred = true\ncontext_tokens = 128", "centred = true\ntruncation = 16"])
def test_it_is_opened_once_where_nothing_changed(tmp_path: Path, more: str) -> None:
    (tmp_path / "models.toml").write_text(MINE + more)
    models = Models(tmp_path, Settings(data=tmp_path))
    assert models.of(models.named("mine").spec) is models.named("mine")

"""What Ollama tells of its models, and how it is asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_servers import OllamaServer, running

from instar.adapters.embedders.ollama import OllamaEncoder, host_url
from instar.domain.catalogue import ModelEntry
from instar.domain.models import StorageFormat, document_fingerprint
from instar.embedding.encoding import EncodedModel
from instar.errors import ModelMissingError
from instar.settings import Settings
from instar.wiring.models import Models


@pytest.fixture
def ollama() -> Iterator[OllamaServer]:
    with running(OllamaServer()) as server:
        yield server


def ask(server: OllamaServer, source: str = "hash", **options: Any) -> OllamaEncoder:
    return OllamaEncoder(ModelEntry(f"ollama:{source}", "ollama", source, base_url=server.url, options=options))


def test_ollama_tells_what_identifies_a_model(ollama: OllamaServer) -> None:
    facts = ask(ollama).facts
    assert facts.name == "hash"
    assert facts.revision == ollama.digest
    assert facts.dimensions == 64
    assert (facts.precision, facts.pooling, facts.base) == ("q8_0", "mean", "")
    assert facts.context_tokens == 100_000
    assert ollama.inputs() == []  # no weights were loaded


def test_another_model_under_the_same_name_has_another_fingerprint(ollama: OllamaServer) -> None:
    entry = ModelEntry("ollama:hash", "ollama", "hash", base_url=ollama.url)
    before = EncodedModel(OllamaEncoder(entry), entry).spec
    ollama.digest = "sha-2"
    after = EncodedModel(OllamaEncoder(entry), entry).spec
    assert document_fingerprint(before, StorageFormat.INT8) != document_fingerprint(after, StorageFormat.INT8)


def test_a_model_that_is_not_pulled_is_named_with_its_neighbours_and_the_command(ollama: OllamaServer) -> None:
    ollama.others = {"qwen3-embedding:4b": "d1", "llama3:latest": "d2"}
    with pytest.raises(ModelMissingError, match="qwen3-embedding:4b is") as caught:
        _ = ask(ollama, source="qwen3-embeding:4b").facts
    assert "llama3" not in caught.value.message
    assert caught.value.remedy == "ollama pull qwen3-embeding:4b"


@pytest.mark.parametrize("name", ["hash", "hash:latest", "HASH"])
def test_a_name_without_a_tag_is_the_latest(ollama: OllamaServer, name: str) -> None:
    assert ask(ollama, source=name).facts.revision == ollama.digest


def test_the_window_is_the_one_that_is_used(ollama: OllamaServer) -> None:
    ollama.parameters = 'stop                           "</s>"\nnum_ctx                        4096'
    assert ask(ollama).facts.context_tokens == 4096
    assert ask(ollama, num_ctx=512).facts.context_tokens == 512
    ollama.info["hash.context_length"] = 256
    assert ask(ollama, num_ctx=512).facts.context_tokens == 256


def test_a_server_that_tells_little_is_asked_for_a_vector(ollama: OllamaServer) -> None:
    ollama.info = {}
    facts = ask(ollama).facts
    assert facts.dimensions == 64
    assert (facts.pooling, facts.context_tokens) == ("", None)


def test_options_go_with_every_request_and_nothing_is_cut_unseen(ollama: OllamaServer) -> None:
    ollama.behaviour.window = 3
    ask(ollama, num_ctx=512, keep_alive="30m").encode(["one two", "one two three four"])
    bodies = [body for path, body, _ in ollama.asked if path == "/api/embed"]
    assert all(body["options"] == {"num_ctx": 512} and body["keep_alive"] == "30m" for body in bodies)
    assert [body["input"] for body in bodies if body["truncate"]] == [["one two three four"]]


def test_a_long_text_has_the_vector_of_its_beginning(ollama: OllamaServer) -> None:
    ollama.behaviour.window = 3
    found = ask(ollama).encode(["one two three four"])
    np.testing.assert_allclose(found.vectors, ollama.vectors(["one two three"]), atol=1e-6)
    ollama.truncates = False
    found = ask(ollama).encode(["one two three four five six"])
    assert found.cut == (0,)
    np.testing.assert_allclose(found.vectors, ollama.vectors(["one two three"]), atol=1e-6)


@pytest.mark.parametrize(("host", "url"), [
    ("", "http://127.0.0.1:11434"),
    ("0.0.0.0", "http://127.0.0.1:11434"),
    ("0.0.0.0:8080", "http://127.0.0.1:8080"),
    (":8080", "http://127.0.0.1:8080"),
    ("box", "http://box:11434"),
    ("box:8080", "http://box:8080"),
    ("http://box", "http://box:80"),
    ("https://box/models/", "https://box:443/models"),
    ("[::1]:8080", "http://[::1]:8080"),
    ("[::1]", "http://[::1]:11434"),
    (" http://box:11434/ ", "http://box:11434"),
])  # fmt: skip
def test_ollama_host_is_read_as_the_server_reads_it(host: str, url: str) -> None:
    assert host_url(host) == url


def test_a_name_of_ones_own_has_what_is_known_of_its_base(
    ollama: OllamaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama.url)
    ollama.details["parent_model"] = "known:4b"
    (tmp_path / "models.toml").write_text('[known]\nquery_prompt = "question: "\ndocument_prompt = "text: "\n')
    spec = Models(tmp_path, Settings(data=tmp_path)).named("ollama:hash").spec
    assert (spec.name, spec.reference) == ("hash", "ollama:hash")
    assert (spec.query_prompt, spec.document_prompt) == ("question: ", "text: ")
    assert Models(tmp_path, Settings(data=tmp_path)).of(spec).spec == spec

"""What every embedder must do."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_server import serving
from model_servers import OllamaServer, OpenAIServer, running

from instar.adapters.embedders.ollama import OllamaEncoder
from instar.adapters.embedders.openai import OpenAIEncoder
from instar.adapters.embedders.process import ProcessEncoder
from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.domain.catalogue import AT_SERVERS, ModelEntry
from instar.domain.models import StorageFormat, document_fingerprint
from instar.embedding.encoding import EncodedModel
from instar.embedding.integrity import faults
from instar.ports import Embedder, Matrix
from instar.testing import HashEmbedder, HashEncoder
from instar.wiring.models import encoder_here

TEXTS = [
    "def retry(delay): wait(delay)",
    "open the file and read every line",
    "SELECT name FROM users WHERE id = 7",
    "x",
    "naïve 漢字 🙂 Ωmega",
    "word " * 5_000,
]
AWKWARD = ["", " \n\t ", "{}[]();", "\0", "\x7f\x1b[0m", "￿ \ufffd", "a" * 20_000]


MINILM = Path(__file__).parents[2] / "models" / "minilm" / "instar_minilm"

Open = Callable[[], Embedder]
"""Opens the same model once more."""


def ollama(stack: ExitStack) -> Open:
    entry = ModelEntry("ollama:hash", "ollama", "hash", base_url=stack.enter_context(running(OllamaServer())).url)
    return lambda: EncodedModel(OllamaEncoder(entry), entry)


def openai(stack: ExitStack) -> Open:
    entry = ModelEntry("openai:hash", "openai", "hash", base_url=stack.enter_context(running(OpenAIServer())).url)
    return lambda: EncodedModel(OpenAIEncoder(entry), entry)


def in_a_process(_: ExitStack) -> Open:
    entry = ModelEntry("hash", provider="st", options={"python": sys.executable})
    return lambda: EncodedModel(ProcessEncoder(entry, HashEncoder), entry)


def of_library(provider: str, source: str) -> Callable[[ExitStack], Open]:
    entry = ModelEntry(f"{provider}:{source}", provider=provider, source=source)
    return lambda _: lambda: EncodedModel(encoder_here(entry), entry)


def named_in(variable: str, library: str) -> str:
    """Return the model that a variable names: heavy libraries and weights are no part of the test environment."""
    if find_spec(library) is None or variable not in os.environ:
        pytest.skip(f"needs {library}, and {variable} with a model of it: docs/reference/providers-local.md")
    return os.environ[variable]


def st_here(stack: ExitStack) -> Open:
    return of_library("st", named_in("INSTAR_ST", "sentence_transformers"))(stack)


def gguf(stack: ExitStack) -> Open:
    return of_library("gguf", named_in("INSTAR_GGUF", "llama_cpp"))(stack)


def gguf_in_a_process(_: ExitStack) -> Open:
    source = named_in("INSTAR_GGUF", "llama_cpp")
    entry = ModelEntry("mine", provider="gguf", source=source, options={"python": sys.executable})
    return lambda: EncodedModel(ProcessEncoder(entry, encoder_here), entry)


def llama_server(stack: ExitStack) -> Open:
    named_in("INSTAR_GGUF", "starlette_context")  # which the server alone needs
    server = stack.enter_context(serving(named_in("INSTAR_GGUF", "llama_cpp")))
    entry = ModelEntry("openai:mine", "openai", "mine", base_url=server.url)
    return lambda: EncodedModel(OpenAIEncoder(entry), entry)


MODELS: dict[str, Callable[[ExitStack], Open]] = {
    "static": lambda _: lambda: StaticEmbedder(builtin_folder()),
    "hash": lambda _: HashEmbedder,
    "ollama": ollama,
    "openai": openai,
    "process": in_a_process,
    "minilm": of_library("onnx", str(MINILM)),
    "st": st_here,
    "gguf": gguf,
    "gguf in a process": gguf_in_a_process,
    "llama.cpp server": llama_server,
}


@pytest.fixture(params=MODELS, scope="module")
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    with ExitStack() as stack:
        yield MODELS[request.param](stack)


@pytest.fixture(scope="module")
def embedder(opened: Open) -> Iterator[Embedder]:
    model = opened()
    yield model
    close(model)


def close(embedder: Embedder) -> None:
    if isinstance(embedder, EncodedModel):
        embedder.encoder.close()


def assert_alike(embedder: Embedder, found: Matrix, expected: Matrix) -> None:
    """Within what the provider says of its vectors; where it says nothing, they are the same."""
    if isinstance(embedder, EncodedModel):
        assert ((found * expected).sum(axis=-1) >= embedder.encoder.agreement - 1e-6).all()
    else:
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_rows_are_sound_and_in_order(embedder: Embedder) -> None:
    together = embedder.embed_documents(TEXTS).vectors
    assert together.dtype == np.float32
    assert faults(together, len(TEXTS), embedder.spec) == {}
    for text, row in zip(TEXTS, together, strict=True):
        assert_alike(embedder, embedder.embed_documents([text]).vectors[0], row)


def test_a_vector_does_not_depend_on_its_neighbours(embedder: Embedder) -> None:
    backwards = embedder.embed_documents(TEXTS[::-1]).vectors[::-1]
    assert_alike(embedder, backwards, embedder.embed_documents(TEXTS).vectors)


def test_awkward_texts_have_sound_vectors_too(embedder: Embedder) -> None:
    assert faults(embedder.embed_documents(AWKWARD).vectors, len(AWKWARD), embedder.spec) == {}


def test_no_text_gives_no_vector(embedder: Embedder) -> None:
    assert embedder.embed_documents([]).vectors.shape == (0, embedder.spec.stored_dimensions)


def test_different_texts_have_different_vectors(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS[:3]).vectors
    assert (vectors @ vectors.T - np.eye(3)).max() < 0.95


def test_a_question_is_near_the_text_it_quotes(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS).vectors
    for i in range(3):
        query = embedder.embed_query(TEXTS[i]).vector
        assert query.dtype == np.float32
        assert query.shape == (embedder.spec.stored_dimensions,)
        assert np.linalg.norm(query) == pytest.approx(1.0, abs=1e-3)
        assert int(np.argmax(vectors @ query)) == i


@pytest.mark.parametrize("question", AWKWARD)
def test_a_question_is_a_unit_vector_or_zero(embedder: Embedder, question: str) -> None:
    query = embedder.embed_query(question).vector
    assert np.isfinite(query).all()
    assert np.linalg.norm(query) == pytest.approx(1.0, abs=1e-3) or not query.any()


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=5))
def test_any_text_can_be_embedded(embedder: Embedder, texts: list[str]) -> None:
    assert faults(embedder.embed_documents(texts).vectors, len(texts), embedder.spec) == {}


def test_the_same_model_loaded_twice_agrees(embedder: Embedder, opened: Open) -> None:
    again = opened()
    assert again.spec == embedder.spec
    np.testing.assert_array_equal(again.embed_documents(TEXTS).vectors, embedder.embed_documents(TEXTS).vectors)
    close(again)


def test_what_identifies_the_model_is_complete(embedder: Embedder) -> None:
    spec = embedder.spec
    assert spec.name
    assert spec.revision
    assert spec.stored_dimensions > 0
    prints = {document_fingerprint(spec, storage) for storage in StorageFormat}
    assert len(prints) == len(StorageFormat)


def test_how_much_of_a_question_is_known_is_a_share(embedder: Embedder) -> None:
    known, foreign = "open the file and read every line", "où étaient les équipes éliminées"
    unheard_of = "𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𓀀𓀁 𐎀𐎁𐎂"  # letters no vocabulary has
    assert familiarity(embedder, known) == 1.0
    assert familiarity(embedder, "") == 1.0
    assert all(0.0 <= familiarity(embedder, text) <= 1.0 for text in (*TEXTS, *AWKWARD))
    if embedder.spec.provider in AT_SERVERS:  # which do not show their vocabulary
        assert familiarity(embedder, foreign) == familiarity(embedder, unheard_of) == 1.0
    else:
        assert familiarity(embedder, unheard_of) == 0.0
        assert 0.0 <= familiarity(embedder, foreign) < familiarity(embedder, f"{known} {foreign}") < 1.0


def familiarity(embedder: Embedder, question: str) -> float:
    return embedder.embed_query(question).familiarity

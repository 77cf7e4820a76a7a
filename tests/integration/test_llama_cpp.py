"""llama.cpp itself with a real model: runs where llama-cpp-python is installed and INSTAR_GGUF names a file."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_server import LlamaServer, serving

from instar.adapters.embedders.gguf import GgufEncoder
from instar.adapters.embedders.http import Patience
from instar.adapters.embedders.openai import OpenAIEncoder
from instar.domain.catalogue import ModelEntry
from instar.errors import ModelAwayError
from instar.ports import Encoder

pytest.importorskip("llama_cpp", reason="takes a compiler and a quarter of an hour: docs/reference/providers-local.md")
MODEL = os.environ.get("INSTAR_GGUF", "")
pytestmark = pytest.mark.skipif(not Path(MODEL).is_file(), reason="INSTAR_GGUF names no GGUF file")
TEXTS = ["open the file and read every line", "naïve 漢字", "word " * 5_000]
WINDOW = 32


def open_file(**options: Any) -> Encoder:
    return GgufEncoder(ModelEntry("mine", provider="gguf", source=MODEL, options=options))


def at(server: LlamaServer, **known: Any) -> Encoder:
    entry = ModelEntry("mine", "openai", "mine", base_url=server.url, **known)
    return OpenAIEncoder(entry, Patience(wait=lambda _: None))


def test_a_text_longer_than_the_model_takes_is_counted():
    assert open_file().encode(TEXTS).cut == (2,)
    assert open_file().encode(TEXTS[:2]).cut == ()


def test_a_text_that_is_cut_keeps_its_ending():
    texts = ["word " * count for count in range(1, WINDOW + 1)]
    vectors, cut = open_file(num_ctx=WINDOW).encode(texts)
    assert cut
    whole = vectors[cut[0] - 1]  # the longest that fits: what is cut has the same tokens
    for place in cut:
        np.testing.assert_array_equal(vectors[place], whole)


def test_a_file_gives_the_same_vectors_again_after_it_was_closed():
    encoder = open_file()
    before = encoder.encode(TEXTS).vectors
    encoder.close()
    np.testing.assert_array_equal(encoder.encode(TEXTS).vectors, before)


@pytest.fixture
def server() -> Iterator[LlamaServer]:
    pytest.importorskip("starlette_context", reason="the server needs llama-cpp-python[server]")
    with serving(MODEL) as started:
        yield started


def test_the_server_gives_the_vectors_of_the_file(server: LlamaServer):
    served, here = at(server).encode(TEXTS[:2]).vectors, open_file().encode(TEXTS[:2]).vectors
    lengths = np.linalg.norm(served, axis=1) * np.linalg.norm(here, axis=1)
    assert ((served * here).sum(axis=1) / lengths > 0.9999).all()


def test_a_server_killed_at_its_work_is_away(server: LlamaServer):
    encoder = at(server, dimensions=open_file().facts.dimensions)  # so that the work is the first thing it is asked
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(encoder.encode, [TEXTS[2]] * 1_000)  # in many requests
        assert server.answered.wait(60)
        server.process.kill()
        with pytest.raises(ModelAwayError, match=server.url):
            asking.result()

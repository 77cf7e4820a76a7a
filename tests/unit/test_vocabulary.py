"""The vocabulary of a static model, with words added, and the folder it goes into."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.adapters.embedders.static_folder import Vocabulary, write_model

TEXT = "def parse_zyxwvut(Zyxwvut): pass  # zyxwvut"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.of(builtin_folder())


def test_words_stand_in_the_order_of_their_tokens(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.words) == 40_000
    (tokens,) = vocabulary.tokens(["open file"])
    assert [vocabulary.words[i] for i in tokens] == ["open", "file"]


def test_an_added_word_is_one_token_and_changes_no_other(vocabulary: Vocabulary) -> None:
    extended = vocabulary.extended(["zyxwvut", "file", "jihgfed"])
    assert extended.words == [*vocabulary.words, "zyxwvut", "jihgfed"]
    assert (vocabulary.knows("zyxwvut"), extended.knows("zyxwvut")) == (False, True)
    (pieces,), (whole,) = vocabulary.tokens(["zyxwvut"]), extended.tokens(["zyxwvut"])
    assert pieces.size > 1
    assert whole.tolist() == [40_000]
    for before, after in zip(vocabulary.tokens(["open the file"]), extended.tokens(["open the file"]), strict=True):
        assert before.tolist() == after.tolist()


def test_words_are_counted_as_the_tokenizer_sees_them(vocabulary: Vocabulary) -> None:
    assert vocabulary.words_of(TEXT) == {"def": 1, "parse": 1, "zyxwvut": 3, "pass": 1}


def test_a_written_model_is_read_back(vocabulary: Vocabulary, tmp_path: Path) -> None:
    extended = vocabulary.extended(["zyxwvut"])
    draw = np.random.default_rng(1)
    codes = draw.integers(-127, 127, (len(extended.words), 8)).astype(np.int8)
    scales = draw.random(len(extended.words), np.float32)
    write_model(tmp_path, extended, (codes, scales), {"name": "mine", "licence": "MIT"})
    model = StaticEmbedder(tmp_path, "static:mine")
    assert (model.spec.name, model.spec.dimensions) == ("mine", 8)
    row = codes[-1].astype(np.float32)
    np.testing.assert_allclose(model.embed_query("zyxwvut").vector, row / np.linalg.norm(row), atol=1e-6)
    description = json.loads((tmp_path / "model.json").read_text("utf-8"))
    assert description["licence"] == "MIT"
    for name, checksum in description["sha256"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == checksum


def test_another_table_is_another_revision(vocabulary: Vocabulary, tmp_path: Path) -> None:
    revisions = []
    for scale in (1.0, 2.0):
        folder = tmp_path / str(scale)
        folder.mkdir()
        scales = np.full(len(vocabulary.words), scale, np.float32)
        write_model(folder, vocabulary, (np.ones((len(vocabulary.words), 8), np.int8), scales), {"name": "mine"})
        revisions.append(StaticEmbedder(folder).spec.revision)
    assert revisions[0] != revisions[1]

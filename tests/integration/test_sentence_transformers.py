"""The library itself with a real model: runs where sentence-transformers is installed and INSTAR_ST names a folder."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instar.adapters.embedders.sentence_transformers import SentenceTransformersEncoder
from instar.domain.catalogue import ModelEntry
from instar.errors import ModelMissingError, ModelUnsoundError

pytest.importorskip("sentence_transformers", reason="a library of gigabytes; see docs/reference/providers-local.md")
MODEL = os.environ.get("INSTAR_ST", "")
pytestmark = pytest.mark.skipif(not Path(MODEL).is_dir(), reason="INSTAR_ST names no folder with a model")
TEXTS = ["open the file and read every line", "naïve 漢字", "word " * 5_000]


def open_model(folder: Path | str, **options: Any) -> SentenceTransformersEncoder:
    return SentenceTransformersEncoder(ModelEntry("mine", provider="st", source=str(folder), options=options))


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the files of the model, some of which say something else."""

    def change(**files: Callable[[Any], Any]) -> Path:
        folder = tmp_path / Path(MODEL).resolve().name
        folder.mkdir()
        for path in Path(MODEL).iterdir():
            if path.stem not in files:
                (folder / path.name).symlink_to(path.resolve())
        for name, edit in files.items():
            (folder / f"{name}.json").write_text(
                json.dumps(edit(json.loads((Path(MODEL) / f"{name}.json").read_text())))
            )
        return folder

    return change


def test_a_text_longer_than_the_model_takes_is_counted():
    assert open_model(MODEL).encode(TEXTS).cut == (2,)
    assert open_model(MODEL).encode(TEXTS[:2]).cut == ()


def test_prompts_of_the_model_itself_are_off(changed):
    folder = changed(
        config_sentence_transformers=lambda config: {
            **config, "prompts": {"q": "Instruct: find what answers the question"}, "default_prompt_name": "q"
        }
    )  # fmt: skip
    np.testing.assert_array_equal(open_model(folder).encode(TEXTS).vectors, open_model(MODEL).encode(TEXTS).vectors)


def test_what_the_files_say_is_what_the_loaded_model_says(changed):
    dropout = {"idx": 3, "name": "3", "path": "3_Dropout", "type": "sentence_transformers.models.Dropout"}
    folder = changed(modules=lambda modules: [*modules, dropout])
    (folder / "3_Dropout").mkdir()
    (folder / "3_Dropout" / "config.json").write_text('{"dropout": 0.1}')
    asked, read = open_model(folder).facts, open_model(MODEL).facts
    assert (asked.dimensions, asked.precision, asked.context_tokens) == (
        read.dimensions,
        read.precision,
        read.context_tokens,
    )


def test_16_bits_are_another_model_with_vectors_nearby():
    half, whole = open_model(MODEL, dtype="bfloat16"), open_model(MODEL)
    assert (half.facts.precision, whole.facts.precision) == ("bfloat16", "float32")
    found, expected = half.encode(TEXTS).vectors, whole.encode(TEXTS).vectors
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert 0.99 < cosines.min() < 0.999999


def test_code_of_the_model_runs_only_with_consent(changed, tmp_path):
    trace = tmp_path / "trace"
    module = {"idx": 9, "name": "9", "path": "", "type": "tracing.Trace"}
    folder = changed(modules=lambda modules: [*modules, module])
    (folder / "tracing.py").write_text(
        f"from pathlib import Path\nimport torch\nPath({str(trace)!r}).touch()\n"
        "class Trace(torch.nn.Module):\n"
        "    def forward(self, features, **_): return features\n"
        "    @classmethod\n    def load(cls, path, **_): return cls()\n"
    )
    with pytest.raises(ModelMissingError, match="run_model_code = true"):
        open_model(folder).encode(TEXTS)
    assert not trace.exists()
    assert open_model(folder, run_model_code=True).encode(TEXTS).cut == (2,)
    assert trace.exists()


def test_an_architecture_the_library_does_not_know_is_told(changed):
    folder = changed(config=lambda config: {**config, "model_type": "of_tomorrow"})
    with pytest.raises(ModelMissingError, match="of_tomorrow"):
        open_model(folder).encode(TEXTS)


def test_a_text_over_which_the_library_fails_is_told_as_a_fault_of_the_model(changed):
    folder = changed(sentence_bert_config=lambda config: {**config, "max_seq_length": 5_000})  # beyond its positions
    with pytest.raises(ModelUnsoundError, match="mine failed on a text"):
        open_model(folder).encode(TEXTS)


def test_of_a_table_of_token_vectors_nothing_is_told_of_words(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(MODEL) / "tokenizer.json"))
    table = StaticEmbedding(tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[table]).save(str(tmp_path / "table"))
    encoder = open_model(tmp_path / "table")
    assert encoder.encode(TEXTS).vectors.shape == (3, 8)
    assert encoder.familiarity("où sont éliminées") == 1.0


def test_closed_it_is_loaded_again():
    encoder = open_model(MODEL)
    before = encoder.encode(TEXTS).vectors
    encoder.close()
    encoder.close()
    np.testing.assert_array_equal(encoder.encode(TEXTS).vectors, before)

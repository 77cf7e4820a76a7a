"""What providers that run a library here say of a model by its files alone, and where something is missing."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import gguf_files
import pytest

from instar.adapters.embedders.gguf import GgufEncoder
from instar.adapters.embedders.sentence_transformers import SentenceTransformersEncoder
from instar.adapters.embedders.st_folder import described
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError
from instar.installing import pip_install
from instar.settings import Settings
from instar.wiring.models import Models

COMMIT = "8b3219a92973c328a8e22fadcfa821b5dc75636a"
MEAN = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


def gguf(source, **known):
    options = known.pop("options", {})
    return GgufEncoder(ModelEntry(f"gguf:{source}", provider="gguf", source=str(source), options=options, **known))


def st(source, **options):
    return SentenceTransformersEncoder(ModelEntry(f"st:{source}", provider="st", source=str(source), options=options))


def without(key):
    return {name: value for name, value in gguf_files.BERT.items() if name != key}


@pytest.fixture
def file(tmp_path):
    return gguf_files.write(tmp_path / "small.gguf")


def test_the_facts_of_a_gguf_file_are_those_of_its_header(file):
    facts = gguf(file).facts
    assert facts == EncoderFacts("gguf", "Small", facts.revision, 384, "q8_0", "cls", 512)
    assert gguf(file).facts == facts
    assert gguf(file, options={"num_ctx": 256}).facts.context_tokens == 256
    assert gguf(file, options={"num_ctx": 4096}).facts.context_tokens == 512


@pytest.mark.parametrize(
    "other",
    [
        {"values": {**gguf_files.BERT, "tokenizer.ggml.tokens": ["[PAD]", "[UNK]", "other"]}},
        {"weights": b"\7" * 99 + b"\6"},
        {"weights": b"\7" * 101},
    ],
    ids=["vocabulary", "weights", "size"],
)
def test_another_file_under_the_same_name_has_another_revision(tmp_path, file, other):
    before = gguf(file).facts
    after = gguf(gguf_files.write(file, **other)).facts
    assert after.revision != before.revision


def test_pooling_is_the_files_own_or_what_the_entry_says(tmp_path, file):
    assert gguf(file, pooling="last").facts.pooling == "cls"
    silent = gguf_files.write(tmp_path / "silent.gguf", without("bert.pooling_type"))
    assert gguf(silent, pooling="last").facts.pooling == "last"
    with pytest.raises(ModelMissingError, match="say `pooling`"):
        _ = gguf(silent).facts


@pytest.mark.parametrize("name", ["nomic-embed-text-v2-moe.Q8_0.gguf", "multilingual-e5-large-instruct-q8_0.gguf"])
def test_pooling_is_what_the_catalogue_says_of_a_file_that_does_not(tmp_path, name):
    silent = gguf_files.write(tmp_path / name, without("bert.pooling_type"))
    assert Models(tmp_path, Settings(data=tmp_path)).named(f"gguf:{silent}").spec.pooling == "mean"


def test_a_file_that_is_not_there_or_no_model_is_told(tmp_path, file):
    file.write_text("<html>not found</html>")
    for source, said in [
        (tmp_path / "none.gguf", "there is no file"),
        ("none.gguf", "there is no file"),
        (file, "no GGUF file"),
        (gguf_files.write(tmp_path / "no.gguf", without("bert.embedding_length")), "no embedding model"),
    ]:
        with pytest.raises(ModelMissingError, match=said):
            _ = gguf(source).facts


@pytest.mark.skipif(find_spec("llama_cpp") is not None, reason="says what is said where the library is missing")
def test_without_llama_cpp_the_command_that_installs_it_is_told(file):
    with pytest.raises(ModelMissingError) as caught:
        gguf(file).encode(["x"])
    assert sys.executable in caught.value.message
    assert caught.value.remedy.startswith(pip_install("gguf"))
    with pytest.raises(ModelMissingError, match="llama-cpp-python"):  # before anything is fetched
        _ = gguf("owner/repository/none.gguf").facts


@pytest.mark.skipif(
    find_spec("llama_cpp") is not None, reason="the library itself would take the place of a failing one"
)
def test_a_text_over_which_llama_cpp_fails_is_told_as_a_fault_of_the_model(file, tmp_path):
    (tmp_path / "llama_cpp.py").write_text(
        "class Llama:\n"
        "    def __init__(self, **given): pass\n"
        "    def tokenize(self, text, *rest): return [1]\n"
        "    def embed(self, text): raise RuntimeError('llama_decode returned -1')\n"
    )
    code = (
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
        "from instar.adapters.embedders.gguf import GgufEncoder\n"
        "from instar.domain.catalogue import ModelEntry\n"
        "from instar.errors import ModelUnsoundError\n"
        f"try: GgufEncoder(ModelEntry('mine', provider='gguf', source={str(file)!r})).encode(['x'])\n"
        "except ModelUnsoundError as error: print(error.message)\n"
    )
    assert run_offline(code, tmp_path).strip() == "mine failed on a text (llama_decode returned -1)"


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="says what is said where it is missing")
def test_without_sentence_transformers_the_command_that_installs_it_is_told(tmp_path):
    with pytest.raises(ModelMissingError) as caught:
        _ = st(tmp_path).facts
    assert sys.executable in caught.value.message
    assert caught.value.remedy == pip_install("st")


def put(folder: Path, **files: object) -> Path:
    """Write JSON files; `__` in a name is a folder."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


def modules(*kinds: str) -> list[dict[str, str]]:
    paths = ["", *(f"{i}_{kind}" for i, kind in enumerate(kinds[1:], 1))]
    return [
        {"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in zip(paths, kinds, strict=True)
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "modules": modules("Transformer", "Pooling", "Normalize"),
                "config": {"max_position_embeddings": 512},
                "sentence_bert_config": {"max_seq_length": 256},
                "1_Pooling__config": MEAN,
            },
            (384, "mean", "float32", 256),
        ),
        (
            {
                "modules": modules("Transformer", "Pooling"),
                "config": {"max_position_embeddings": 40960, "torch_dtype": "bfloat16"},
                "tokenizer_config": {"model_max_length": 32768},
                "1_Pooling__config": {"embedding_dimension": 1024, "pooling_mode": "lasttoken"},
            },
            (1024, "last", "bfloat16", 32768),
        ),
        (
            {
                "modules": modules("Transformer", "Pooling", "Dense"),
                "config": {"hidden_size": 768},
                "tokenizer_config": {"model_max_length": 10**30},
                "1_Pooling__config": {"pooling_mode_max_tokens": True, "pooling_mode_cls_token": True},
                "2_Dense__config": {"in_features": 1536, "out_features": 512},
            },
            (512, "cls+max", "float32", None),
        ),
        ({"modules": modules("StaticEmbedding")}, None),
        ({"config": {"hidden_size": 768}}, None),
    ],
    ids=["minilm", "last", "dense", "static", "no modules"],
)
def test_what_a_folder_of_sentence_transformers_says_of_its_model(tmp_path, files, expected):
    assert described(put(tmp_path, **files)) == expected


def test_an_entry_with_a_python_of_its_own_is_asked_there(tmp_path, file):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ntouch "{tmp_path}/asked"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "models.toml").write_text(
        f'["mine"]\nprovider = "gguf"\nsource = "{file}"\n[mine.options]\nnum_ctx = 128\npython = "{python}"\n'
    )
    models = Models(tmp_path, Settings(data=tmp_path))
    encoder = models.encoder(models.entries["mine"])
    assert encoder.facts == gguf(file, options={"num_ctx": 128}).facts
    assert (tmp_path / "asked").exists()
    encoder.close()


def test_a_model_of_the_hub_that_is_nowhere_is_told_with_the_command_that_fetches_it(tmp_path):
    code = (
        "from instar.adapters.embedders import hub\n"
        "for ask, name in ((hub.snapshot, 'owner/none'), (hub.file, 'owner/none/m.gguf')):\n"
        "    try: ask(name)\n"
        "    except hub.ModelMissingError as error: print(error.remedy)\n"
    )
    assert "hf download owner/none m.gguf" in run_offline(code, tmp_path)


def test_a_hub_that_fails_is_asked_once_and_told_in_one_line(tmp_path):
    asked = []

    class Failing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "from instar.adapters.embedders import hub\n"
        "try: hub.file('owner/none/m.gguf')\n"
        "except hub.ModelMissingError as error: print(error.message)\n"
    )
    environment = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    server.shutdown()
    server.server_close()
    assert "cannot be fetched" in done.stdout
    assert (done.stderr, asked) == ("", ["/owner/none/resolve/main/m.gguf"])


def test_a_snapshot_in_the_cache_of_the_hub_is_used_and_named_by_its_commit(tmp_path):
    repository = tmp_path / "models--owner--small"
    snapshot = put(repository / "snapshots" / COMMIT, config={})
    (snapshot / "model.safetensors").write_bytes(b"w")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    code = "from instar.adapters.embedders import hub\nprint(hub.commit(hub.snapshot('owner/small')))"
    assert run_offline(code, tmp_path).strip() == COMMIT


def run_offline(code: str, cache: Path) -> str:
    """Run code in a process of its own: the hub's library reads its environment once."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout

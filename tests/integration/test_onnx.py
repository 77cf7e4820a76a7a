"""A model in ONNX Runtime: what it takes from its folder, and what it says of a damaged one."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from instar.adapters.embedders.onnx import DEVICES, OnnxEncoder
from instar.domain.catalogue import ModelEntry
from instar.errors import ModelMissingError

MINILM = Path(__file__).parents[2] / "models" / "minilm" / "instar_minilm"
CONTEXT = 256
SPECIAL_TOKENS = 2
TEXTS = ["open the file and read every line", "def retry(delay): wait(delay)", "a word " * 40]


def opened(folder: Path, **options: str | int) -> OnnxEncoder:
    return OnnxEncoder(ModelEntry("a model", source=str(folder), options=options))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the model, to be damaged."""
    return Path(shutil.copytree(MINILM, tmp_path / "model"))


def restate(folder: Path, **facts: object) -> None:
    stated = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**stated, **facts}), "utf-8")


def truncate(folder: Path) -> None:
    os.truncate(folder / "model.onnx", (folder / "model.onnx").stat().st_size - 1)


def lengthen(folder: Path) -> None:
    os.truncate(folder / "model.onnx", int((folder / "model.onnx").stat().st_size * 1.051))


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no folder": (shutil.rmtree, "there is no folder"),
    "no facts": (lose("model.json"), r"has no model\.json"),
    "no graph": (lose("model.onnx"), r"lacks its file model\.onnx"),
    "no tokenizer": (lose("tokenizer.json"), r"lacks its file tokenizer\.json"),
    "truncated": (truncate, r"ends after 22,\S+ of 22,\S+ bytes; it was not copied whole"),
    "too long": (lengthen, r"bytes, model\.json says 22,\S+; it is of another model or precision"),
    "facts unreadable": (lambda folder: os.truncate(folder / "model.json", 20), r"model\.json cannot be read"),
    "facts incomplete": (lambda folder: restate(folder, files={"model.onnx": {}}), "cannot be read.*'bytes'"),
    "unknown pooling": (lambda folder: restate(folder, pooling="max"), "'max' is none of mean, cls, last"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_folder_is_refused_with_what_is_wrong(folder: Path, kind: str) -> None:
    damage, message = DAMAGE[kind]
    damage(folder)
    with pytest.raises(ModelMissingError, match=message) as raised:
        opened(folder)
    assert raised.value.remedy


def test_a_changed_byte_is_found_by_the_checksum_alone(folder: Path) -> None:
    opened(folder).verify()
    with (folder / "model.onnx").open("r+b") as file:
        file.seek(10_000_000)
        byte = file.read(1)
        file.seek(10_000_000)
        file.write(bytes([byte[0] ^ 1]))
    for use in (OnnxEncoder.verify, lambda model: model.encode(["x"])):  # else it would go by the name of the sound one
        with pytest.raises(ModelMissingError, match=r"has the SHA-256 .*; it is damaged or was changed"):
            use(opened(folder))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_that_cannot_be_loaded_is_no_model(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(b"\xff" * path.stat().st_size)
    files = json.loads((folder / "model.json").read_text("utf-8"))["files"]
    stated = files[name] | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    restate(folder, files=files | {name: stated})
    with pytest.raises(ModelMissingError, match="cannot be loaded"):
        opened(folder).encode(["x"])


def test_a_graph_may_have_another_name(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "encoder.onnx")
    files = json.loads((folder / "model.json").read_text("utf-8"))["files"]
    restate(folder, files={"encoder.onnx": files["model.onnx"], "tokenizer.json": files["tokenizer.json"]})
    assert opened(folder).encode(["x"]).vectors.shape == (1, 384)


def test_facts_are_known_before_the_library_is_loaded() -> None:
    script = (
        "import sys\n"
        "from instar.adapters.embedders.onnx import OnnxEncoder\n"
        "from instar.domain.catalogue import ModelEntry\n"
        f"print(OnnxEncoder(ModelEntry('m', source={str(MINILM)!r})).facts.dimensions, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["384", "False"]


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelMissingError, match=r"-m pip install .*\[onnx\]'"):
        opened(MINILM).encode(["x"])


def test_what_is_longer_than_the_context_is_counted() -> None:
    model = opened(MINILM)
    fits = CONTEXT - SPECIAL_TOKENS
    assert [model.encode(["word " * words]).cut for words in (fits, fits + 1)] == [(), (0,)]
    np.testing.assert_array_equal(model.encode(["word " * fits]).vectors, model.encode(["word " * (fits + 1)]).vectors)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_pooling_takes_the_stated_tokens(folder: Path, pooling: str) -> None:
    session = onnxruntime.InferenceSession(MINILM / "model.onnx", providers=["CPUExecutionProvider"])
    ids = np.array([Tokenizer.from_file(str(MINILM / "tokenizer.json")).encode(TEXTS[0]).ids])
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    tokens = session.run(None, feeds)[0][0]
    expected = {"mean": tokens.mean(axis=0), "cls": tokens[0], "last": tokens[-1]}[pooling]
    restate(folder, pooling=pooling)
    np.testing.assert_allclose(opened(folder).encode(TEXTS[:1]).vectors[0], expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_padding_is_no_part_of_a_text(folder: Path, pooling: str) -> None:
    """Padded to forty times its length a text keeps its vector, but for the coarser steps int8 then has."""
    restate(folder, pooling=pooling)
    model = opened(folder)
    together = model.encode(TEXTS).vectors
    alone = np.vstack([model.encode([text]).vectors for text in TEXTS])
    cosines = (together * alone).sum(axis=1) / np.linalg.norm(together, axis=1) / np.linalg.norm(alone, axis=1)
    assert cosines.min() > 0.95


def test_int8_takes_one_text_at_a_time(folder: Path) -> None:
    assert opened(folder).batch == 1
    restate(folder, precision="float32")
    assert opened(folder).batch > 1


def test_a_closed_model_opens_again() -> None:
    model = opened(MINILM, threads=1)
    before = model.encode(TEXTS[:1]).vectors
    model.close()
    np.testing.assert_array_equal(model.encode(TEXTS[:1]).vectors, before)


def test_a_device_that_is_not_there_is_named() -> None:
    away = next(name for name, provider in DEVICES.items() if provider not in onnxruntime.get_available_providers())
    with pytest.raises(ModelMissingError, match=f"cannot use {away}"):
        opened(MINILM, device=away).encode(["x"])


def test_the_library_reports_nothing_to_its_maker(tmp_path: Path) -> None:
    code = (
        "import sys; from instar.adapters.embedders.onnx import OnnxEncoder;"
        "from instar.domain.catalogue import ModelEntry;"
        "OnnxEncoder(ModelEntry('m', source=sys.argv[1])).encode(['text'])"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    for name in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", code, str(MINILM)], check=True, env=environment)
    assert list(tmp_path.rglob("*")) == []  # where it reports, it keeps an id of the device and what is to be sent

"""The shipped static model: whole, of the stated form, and sane."""

import hashlib
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tokenizers import Tokenizer

ARTIFACT = Path(str(files("instar"))) / "resources" / "static"
LARGEST = 14_000_000  # bytes; what the wheel can carry

Vector = npt.NDArray[np.float32]
Embed = Callable[[str], Vector]


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((ARTIFACT / "model.json").read_text("utf-8"))
    return manifest


@pytest.fixture(scope="module")
def embed() -> Embed:
    tokenizer = Tokenizer.from_file(str(ARTIFACT / "tokenizer.json"))
    vectors = np.load(ARTIFACT / "vectors.npy")
    scales = np.load(ARTIFACT / "scales.npy")

    def vector(text: str) -> Vector:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        summed: Vector = (vectors[ids].astype(np.float32) * scales[ids, None]).sum(axis=0)
        unit: Vector = summed / np.linalg.norm(summed)
        return unit

    return vector


def test_checksums_match_the_manifest(model: dict[str, Any]) -> None:
    assert set(model["sha256"]) == {"scales.npy", "tokenizer.json", "vectors.npy"}
    for name, expected in model["sha256"].items():
        assert hashlib.sha256((ARTIFACT / name).read_bytes()).hexdigest() == expected


def test_revision_follows_from_the_content(model: dict[str, Any]) -> None:
    joined = "".join(model["sha256"][name] for name in sorted(model["sha256"]))
    assert model["revision"] == hashlib.sha256(joined.encode()).hexdigest()[:16]


def test_manifest_states_name_and_licences(model: dict[str, Any]) -> None:
    assert model["name"] == "static"
    assert model["licence"] == "Apache-2.0"
    assert model["base"]["licence"] == "Apache-2.0"


def test_shapes_and_dtypes(model: dict[str, Any]) -> None:
    vectors = np.load(ARTIFACT / "vectors.npy", mmap_mode="r")
    scales = np.load(ARTIFACT / "scales.npy", mmap_mode="r")
    tokenizer = Tokenizer.from_file(str(ARTIFACT / "tokenizer.json"))
    assert vectors.dtype == np.int8
    assert scales.dtype == np.float32
    assert vectors.shape == (model["vocabulary"], model["dimensions"]) == (len(scales), 256)
    assert tokenizer.get_vocab_size() == len(scales)
    assert np.isfinite(scales).all()
    assert (scales >= 0).all()


def test_artifact_fits_the_wheel() -> None:
    assert sum(p.stat().st_size for p in ARTIFACT.iterdir() if p.is_file()) <= LARGEST


def test_unknown_tokens_carry_no_weight() -> None:
    tokenizer = Tokenizer.from_file(str(ARTIFACT / "tokenizer.json"))
    assert np.load(ARTIFACT / "scales.npy")[tokenizer.token_to_id("[UNK]")] == 0


@pytest.mark.parametrize("spelling", ["parseHttpHeader", "parse_http_header", "ParseHTTPHeader", "parse-http-header"])
def test_identifiers_read_as_their_words(embed: Embed, spelling: str) -> None:
    assert embed(spelling) @ embed("parse http header") == pytest.approx(1, abs=1e-5)


def test_punctuation_alone_has_no_tokens() -> None:
    tokenizer = Tokenizer.from_file(str(ARTIFACT / "tokenizer.json"))
    assert tokenizer.encode("(){}[];:,.-_=+*/ \n\t", add_special_tokens=False).ids == []


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        (
            "how are redirects followed",
            "def resolve(response):\n    if response.status in (301, 302):\n        return get(response.location)",
            "def area(radius):\n    return math.pi * radius ** 2",
        ),
        (
            "delete a file from disk",
            "def remove(path):\n    os.unlink(path)",
            "def add(a, b):\n    return a + b",
        ),
        (
            "where is the password checked",
            "fn authenticate(user: &str, secret: &str) -> bool { hash(secret) == stored(user) }",
            "fn draw(canvas: &mut Canvas) { canvas.line(0, 0, 10, 10) }",
        ),
        (
            "wait before trying again",
            "function retry(attempt) { return sleep(backoff * 2 ** attempt) }",
            "function render(template) { return template.html }",
        ),
        (
            "convert text to lower case",
            "func normalize(s string) string { return strings.ToLower(s) }",
            "func (s *Server) Close() error { return s.listener.Close() }",
        ),
    ],
)
def test_a_question_is_nearer_to_the_code_that_answers_it(embed: Embed, question: str, right: str, wrong: str) -> None:
    asked = embed(question)
    assert asked @ embed(right) > asked @ embed(wrong) + 0.05

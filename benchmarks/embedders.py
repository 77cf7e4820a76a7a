"""The systems that embedding.py compares: Instar's models, and libraries that read the same ones.

    python benchmarks/embedders.py NAME FP32 TORCH WORK

embeds one question and ends: what is timed as a cold start, so nothing is imported here that a system may do without.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

CONTEXT = 256
BATCH = 32
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MINILM = Path(__file__).parents[1] / "models" / "minilm" / "instar_minilm"
YARDSTICK = "sentence-transformers"
COLD_QUESTION = "how are redirects followed"


class Folders(NamedTuple):
    """Where all-MiniLM-L6-v2 lies: Instar's fp32 export, what sentence-transformers reads; and room for copies."""

    fp32: Path
    torch: Path
    work: Path


class System(ABC):
    """A model in a library; it loads with the first question."""

    name = ""
    library = "instar"

    def __init__(self, folders: Folders) -> None:
        self.folders = folders

    @classmethod
    def installed(cls) -> bool:
        return find_spec(cls.library) is not None

    def prepare(self) -> None:
        """Write what the library needs, before anything is timed; the folder for it, at least."""
        self.folders.work.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def documents(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors (n, d)."""

    def question(self, text: str) -> np.ndarray:
        """Return a unit vector (d,)."""
        return self.documents([text])[0]


class InstarSystem(System):
    @property
    @abstractmethod
    def model(self) -> Any:
        """Return the loaded model."""

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        return self.model.embed_documents(texts).vectors

    def question(self, text: str) -> np.ndarray:
        return self.model.embed_query(text).vector


class InstarInt8(InstarSystem):
    name = "Instar onnx int8"
    library = "onnxruntime"

    def folder(self) -> Path:
        return MINILM

    @cached_property
    def model(self) -> Any:
        from instar.adapters.embedders.onnx import OnnxEncoder
        from instar.domain.catalogue import ModelEntry
        from instar.embedding.encoding import EncodedModel

        entry = ModelEntry(self.name, source=str(self.folder()), options={"threads": 1})
        return EncodedModel(OnnxEncoder(entry), entry)


class InstarFp32(InstarInt8):
    name = "Instar onnx fp32"

    def folder(self) -> Path:
        return self.folders.fp32


class InstarStatic(InstarSystem):
    name = "Instar static"

    @cached_property
    def model(self) -> Any:
        from instar.adapters.embedders.static import StaticEmbedder, builtin_folder

        return StaticEmbedder(builtin_folder())


class SentenceTransformers(System):
    name = YARDSTICK
    library = "sentence_transformers"

    @cached_property
    def model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(self.folders.torch), device="cpu")

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        return self.model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)


class FastEmbed(System):
    name = "fastembed fp32"
    library = "fastembed"

    @property
    def folder(self) -> Path:
        return self.folders.work / "fastembed"

    def prepare(self) -> None:
        """Lay the model out as its own download is: other configuration, and the context in its place."""
        import json
        import shutil

        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.folders.fp32 / "model.onnx", *self.folders.torch.glob("*.json")):
            shutil.copy(path, self.folder)
        shutil.copy(self.folders.fp32 / "tokenizer.json", self.folder)
        settings = json.loads((self.folder / "tokenizer_config.json").read_text("utf-8"))
        (self.folder / "tokenizer_config.json").write_text(
            json.dumps({**settings, "model_max_length": CONTEXT}), "utf-8"
        )

    @cached_property
    def model(self) -> Any:
        from fastembed import TextEmbedding

        return TextEmbedding(MODEL, specific_model_path=str(self.folder), threads=1)

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        return np.array(list(self.model.embed(texts, batch_size=BATCH)))


class Model2Vec(System):
    name = "model2vec"
    library = "model2vec"

    @property
    def folder(self) -> Path:
        return self.folders.work / "model2vec"

    def prepare(self) -> None:
        """Write Instar's static model in its form."""
        from model2vec import StaticModel
        from tokenizers import Tokenizer

        from instar.adapters.embedders.static import builtin_folder

        source = builtin_folder()
        vectors = np.load(source / "vectors.npy").astype(np.float32) * np.load(source / "scales.npy")[:, None]
        tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
        StaticModel(vectors, tokenizer, normalize=True, max_length=None).save_pretrained(self.folder)

    @cached_property
    def model(self) -> Any:
        from model2vec import StaticModel

        return StaticModel.from_pretrained(self.folder)

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        return self.model.encode(list(texts))


SYSTEMS: tuple[type[System], ...] = (
    SentenceTransformers,
    InstarInt8,
    InstarFp32,
    FastEmbed,
    InstarStatic,
    Model2Vec,
)


def main() -> None:
    name, *folders = sys.argv[1:]
    system = next(system for system in SYSTEMS if system.name == name)
    system(Folders(*map(Path, folders))).question(COLD_QUESTION)


if __name__ == "__main__":
    main()

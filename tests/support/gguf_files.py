"""Small GGUF files, written as the format's description says; they hold no weights that could be run."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BERT = {
    "general.architecture": "bert",
    "general.name": "Small",
    "general.file_type": 7,
    "bert.embedding_length": 384,
    "bert.context_length": 512,
    "bert.pooling_type": 2,
    "bert.attention.causal": False,
    "bert.attention.layer_norm_epsilon": 1e-12,
    "tokenizer.ggml.tokens": ["[PAD]", "[UNK]", "naïve"],
    "tokenizer.ggml.scores": [0.5, -1.0],
    "tokenizer.ggml.eos_token_id": 2,
}


def write(path: Path, values: Mapping[str, Any] = BERT, weights: bytes = b"\7" * 100, version: int = 3) -> Path:
    """Write a file of these values and one tensor."""
    header = b"GGUF" + struct.pack("<IQQ", version, 1, len(values))
    header += b"".join(text(key) + value(one) for key, one in values.items())
    header += text("token_embd.weight") + struct.pack("<IQQIQ", 2, 5, 5, 0, 0)
    path.write_bytes(header + bytes(-len(header) % 32) + weights)
    return path


def text(content: str) -> bytes:
    encoded = content.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def value(content: Any) -> bytes:
    match content:
        case bool():
            return struct.pack("<I?", 7, content)
        case int():
            return struct.pack("<Iq", 11, content) if content < 0 else struct.pack("<II", 4, content)
        case float():
            return struct.pack("<Id", 12, content)
        case str():
            return struct.pack("<I", 8) + text(content)
        case list():
            parts = [value(one) for one in content]
            kind = parts[0][:4] if parts else struct.pack("<I", 4)
            return struct.pack("<I", 9) + kind + struct.pack("<Q", len(parts)) + b"".join(part[4:] for part in parts)
    raise TypeError(content)

"""What a folder of sentence-transformers says of its model, read without that library and without the weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

OWN_CODE = "sentence_transformers."
"""Where the modules of the library lie; a module of another name is code of the model's repository."""
UNDERSTOOD = ("Transformer", "Pooling", "Normalize", "Dense")
SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "last",
}
"""How poolings are chosen in the files of versions before 6, in the order in which several are joined."""
NAMES = {"lasttoken": "last", "mean_sqrt_len_tokens": "mean_sqrt_len"}
"""What version 6 calls otherwise."""
UNLIMITED = 1_000_000
"""A tokenizer without a limit has 1e30 for one."""


class Description(NamedTuple):
    """`context_tokens` is None where the model has no limit."""

    dimensions: int
    pooling: str
    precision: str
    context_tokens: int | None


def foreign_code(folder: Path) -> list[str]:
    """Return the modules of a model that are no part of the library."""
    types = [module["type"] for module in _modules(folder)]
    return [name for name in types if not name.startswith(OWN_CODE)]


def described(folder: Path) -> Description | None:
    """Return what the files say of a model, None where that takes the library: it has parts unknown here."""
    modules = _modules(folder)
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds) <= set(UNDERSTOOD):
        return None
    transformer, *others = [folder / module["path"] for module in modules]
    config = _read(transformer / "config.json")
    pooling = _read(others[0] / "config.json")
    modes = _modes(pooling)
    width = pooling.get("embedding_dimension") or pooling.get("word_embedding_dimension") or config.get("hidden_size")
    if not isinstance(width, int):
        return None
    dimensions = width * len(modes)
    for kind, path in zip(kinds[2:], others[1:], strict=True):
        if kind == "Dense":
            dimensions = _read(path / "config.json")["out_features"]
    precision = config.get("dtype") or config.get("torch_dtype") or "float32"
    return Description(dimensions, "+".join(modes), precision, _context(transformer, config))


def _modes(pooling: Mapping[str, Any]) -> list[str]:
    """Return how token vectors become one, in one way or in several that are joined."""
    named = pooling.get("pooling_mode")
    if named is None:
        return [mode for switch, mode in SWITCHES.items() if pooling.get(switch)] or ["mean"]
    return [NAMES.get(mode, mode) for mode in ([named] if isinstance(named, str) else named)]


def _context(transformer: Path, config: Mapping[str, Any]) -> int | None:
    limit = _read(transformer / "sentence_bert_config.json").get("max_seq_length")
    tokens = _read(transformer / "tokenizer_config.json").get("model_max_length")
    limits = [limit] if limit else [tokens, config.get("max_position_embeddings")]
    known = [int(value) for value in limits if value and 0 < value < UNLIMITED]
    return min(known, default=None)


def _modules(folder: Path) -> list[dict[str, str]]:
    try:
        return list(json.loads((folder / "modules.json").read_text("utf-8")))
    except FileNotFoundError:
        return []


def _read(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, nothing where there is none. Raises `ValueError` where it cannot be read."""
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return {}

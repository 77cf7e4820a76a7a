"""`instar embed` and `instar similarity`."""

import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer

from instar.domain.embedding import Domain, Side, VectorFormat
from instar.domain.models import StorageFormat
from instar.domain.vectors import encode, quantise
from instar.entrypoints.cli.opening import open_workspace
from instar.errors import UsageError
from instar.ports import Embedded, Embedder, Matrix


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; see `commands.embed`."""

    texts: Sequence[str]
    model: str | None
    domain: Domain
    role: Side
    form: VectorFormat | None
    compress: bool
    as_json: bool
    data: Path | None


def embed(options: Options) -> None:
    """Print the vector of each text."""
    if options.compress and options.form not in (None, VectorFormat.INT8):
        raise UsageError(f"--compress is int8 in base64, and {options.form} was asked for", "leave one of them out")
    form = VectorFormat.INT8 if options.compress else options.form or VectorFormat.FLOAT
    texts = options.texts or [_standard_input()]
    model = _named(options.model, options.data)
    found = _embedded(model, texts, options.role)
    shown = _shown(found.vectors, form, compress=options.compress)
    if options.as_json:
        facts = {
            "model": model.spec.reference,
            "dimensions": model.spec.stored_dimensions,
            "domain": options.domain.value,
            "role": options.role.value,
            "format": form.value,
            "cut": list(found.cut),
        }
        typer.echo(json.dumps(facts | shown))
        return
    for i, vector in enumerate(shown["vectors"]):
        scale = f"{shown['scales'][i]:.9g} " if "scales" in shown else ""
        typer.echo(scale + (vector if isinstance(vector, str) else " ".join(f"{value:.7g}" for value in vector)))
    for i in found.cut:
        typer.echo(f"text {i + 1} is longer than the model's context: only its beginning was embedded", err=True)


def _shown(vectors: Matrix, form: VectorFormat, *, compress: bool) -> dict[str, Any]:
    if form is VectorFormat.FLOAT:
        return {"vectors": vectors.tolist()}
    if form is VectorFormat.BINARY:
        rows = encode(vectors, StorageFormat.BINARY)
        return {"vectors": [base64.b64encode(row.tobytes()).decode() for row in rows]}
    codes, scales = quantise(vectors)
    shown = [base64.b64encode(row.tobytes()).decode() for row in codes] if compress else codes.tolist()
    return {"vectors": shown, "scales": scales.tolist()}


def similarity(query: str, text: str, model: str | None, *, as_json: bool, data: Path | None) -> None:
    """Print the cosine of a question and a text."""
    embedder = _named(model, data)
    documents = _embedded(embedder, [text], Side.DOCUMENT)
    cosine = float(embedder.embed_query(query).vector @ documents.vectors[0])
    if as_json:
        typer.echo(json.dumps({"model": embedder.spec.reference, "cosine": cosine, "cut": bool(documents.cut)}))
    else:
        typer.echo(f"{cosine:.4f}")


def _named(model: str | None, data: Path | None) -> Embedder:
    workspace = open_workspace(data)
    return workspace.models.named(model) if model else workspace.wanted


def _embedded(model: Embedder, texts: Sequence[str], role: Side) -> Embedded:
    if role is Side.DOCUMENT:
        return model.embed_documents(texts)
    return Embedded(np.array([model.embed_query(text).vector for text in texts], np.float32))


def _standard_input() -> str:
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("standard input is not UTF-8", "convert it first") from error
    if not text.strip():
        raise UsageError("there is no text to embed", "give one, or write it to standard input")
    return text

"""Whether a model works here and what it returns is sound, before anything is built with it."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from instar.domain.catalogue import ModelEntry
from instar.domain.checks import Check, Room
from instar.domain.models import ModelSpec, StorageFormat
from instar.domain.vectors import stored_and_packed_bytes
from instar.embedding.encoding import EncodedModel
from instar.embedding.integrity import faults
from instar.errors import ModelError, SettingError
from instar.ports import Embedder, Matrix, Verifiable

EXACT = 1 - 1e-6
"""The agreement of a model that only adds vectors of tokens: what rounding leaves."""
IDENTICAL = 1 - 1e-6
"""Vectors of different texts are not that near each other."""
END_TOKEN = "<|endoftext|>"  # noqa: S105 (no password, but how models of the Qwen family end a text)
WITH_END = 0.95
"""A second end token moves a vector a little; the first, where it is missing, makes it that of another token."""
WITH_REFERENCE = 0.97
"""The mean cosine to vectors of the original. Of MiniLM, int8 per channel keeps .994; int8 per tensor, which is bad,
.923; another pooling .51."""
SIZE_TOLERANCE = 0.05
"""What headers may differ by; other weights, or a part of them, are further off."""
SAMPLE_SECONDS = 3.0
"""How long speed is measured, so that a check is a matter of seconds."""
SAMPLED_AT_ONCE = 16
MANY_CUT = 0.1
"""A share of texts that are cut which may decide for another model."""


def check(
    open_model: Callable[[], Embedder],
    entry: ModelEntry,
    probes: Sequence[str],
    sample: Sequence[str],
    room: Room,
    reference: Matrix | None = None,
) -> Iterator[Check]:
    """Yield what was looked at, in order; after a finding that spoils the rest, nothing more.

    `probes` are different texts; `reference` are the unit vectors (n, d) the original model gives them, None where
    nobody knows. `sample` are texts to measure the speed with. What the model raises becomes a finding.
    """
    try:
        model = open_model()
        yield Check("model", {"revision": model.spec.revision, "precision": model.spec.precision})
        sizes = list(_size_of(room, entry))
        yield from sizes
        if any(found.finding for found in sizes):
            return
        if isinstance(model, EncodedModel) and isinstance(model.encoder, Verifiable):
            model.encoder.verify()
            yield Check("files", {"checksums": "fit"})
        memory = list(_memory(room))
        yield from memory
        if any(found.finding for found in memory):
            return  # loading it could end this very process
        yield from _running(model, entry, probes, sample, room, reference)
    except (ModelError, SettingError) as error:
        yield Check("answer", {}, error.message, error.remedy)


def _size_of(room: Room, entry: ModelEntry) -> Iterator[Check]:
    if not (room.weights_bytes and entry.weights_bytes):
        return
    figures = {"weights_bytes": room.weights_bytes, "known_bytes": entry.weights_bytes}
    if abs(room.weights_bytes / entry.weights_bytes - 1) <= SIZE_TOLERANCE:
        yield Check("size", figures)
    else:
        yield Check(
            "size",
            figures,
            f"the weights are {room.weights_bytes:,} bytes, and {entry.weights_bytes:,} are known of this model",
            "it was not copied whole, or is another one: install or copy it again",
        )


def _memory(room: Room) -> Iterator[Check]:
    if room.weights_bytes is None or room.free_memory_bytes is None:
        return
    figures = {"weights_bytes": room.weights_bytes, "free_bytes": room.free_memory_bytes}
    if room.weights_bytes < room.free_memory_bytes:
        yield Check("memory", figures)
    else:
        yield Check(
            "memory",
            figures,
            f"the weights take {_size(room.weights_bytes)}, and {_size(room.free_memory_bytes)} of memory are free",
            "end other programs, or take a smaller model or one of lower precision",
        )


def _running(
    model: Embedder,
    entry: ModelEntry,
    probes: Sequence[str],
    sample: Sequence[str],
    room: Room,
    reference: Matrix | None,
) -> Iterator[Check]:
    began = time.perf_counter()
    model.embed_documents(probes[:1])
    yield Check("first vector", {"seconds": round(time.perf_counter() - began, 3)})
    identity = [_dimensions(model.spec, entry), _context(model.spec, entry), _pooling(model.spec, entry)]
    yield from identity
    together = model.embed_documents(probes).vectors
    sound = _soundness(together, model.spec)
    yield sound
    if sound.finding:
        return
    answers = list(_agreement(model, entry, probes, together))
    yield from answers
    if reference is not None and not any(found.finding for found in (*identity, *answers)):  # else the cause is known
        yield _reference(together, reference)
    yield _speed(model, sample, room)
    yield _disk(model.spec, room)


def _agreement(model: Embedder, entry: ModelEntry, probes: Sequence[str], together: Matrix) -> Iterator[Check]:
    agreement = model.encoder.agreement if isinstance(model, EncodedModel) else EXACT
    repeated = _repetition(together, model.embed_documents(probes).vectors, agreement)
    yield repeated
    if repeated.finding:  # then nothing that is asked twice agrees
        return
    alone = np.concatenate([model.embed_documents([text]).vectors for text in probes])
    yield _batches(together, alone, agreement)
    if entry.appends_eos:
        yield _end_token(alone, np.concatenate([model.embed_documents([t + END_TOKEN]).vectors for t in probes]))


def _dimensions(spec: ModelSpec, entry: ModelEntry) -> Check:
    figures = {"dimensions": spec.dimensions} | ({"stored": spec.truncation} if spec.truncation else {})
    if entry.dimensions in (None, spec.dimensions):
        return Check("dimensions", figures)
    return Check(
        "dimensions",
        figures | {"known": entry.dimensions},
        f"the model has {spec.dimensions} dimensions, and {entry.dimensions} are known of it",
        "another model runs under this name: install or pull the right one, or mend `dimensions` in your models.toml",
    )


def _context(spec: ModelSpec, entry: ModelEntry) -> Check:
    if spec.context_tokens is None:
        return Check("context", {"tokens": "any number"})
    figures = {"tokens": spec.context_tokens}
    if entry.context_tokens is None or spec.context_tokens >= entry.context_tokens:
        return Check("context", figures)
    return Check(
        "context",
        figures | {"known": entry.context_tokens},
        f"the model takes {spec.context_tokens} tokens here, and is made for {entry.context_tokens}",
        "give it more (`--option num_ctx=…` at Ollama), or write `context_tokens` as it is into your models.toml",
    )


def _pooling(spec: ModelSpec, entry: ModelEntry) -> Check:
    figures = {"pooling": spec.pooling}
    if not entry.pooling or spec.pooling in ("", "unknown", entry.pooling):  # not every library tells
        return Check("pooling", figures)
    return Check(
        "pooling",
        figures | {"known": entry.pooling},
        f"the model is pooled by {spec.pooling} here, and was trained with {entry.pooling}",
        "take a conversion that names the right pooling, or tell the server which to use",
    )


def _soundness(vectors: Matrix, spec: ModelSpec) -> Check:
    unsound = faults(vectors, len(vectors), spec)
    if unsound:
        reason = next(iter(unsound.values()))
        return Check(
            "vectors",
            {"texts": len(vectors), "unsound": len(unsound)},
            f"{len(unsound)} of {len(vectors)} vectors are unsound: {reason}",
            "bring the server or library up to date, and try without GPU or flash attention",
        )
    likeness = vectors @ vectors.T - 2 * np.eye(len(vectors), dtype=np.float32)
    nearest = float(likeness.max(initial=-1.0))
    figures = {"texts": len(vectors), "nearest": round(nearest, 4)}
    if nearest < IDENTICAL:
        return Check("vectors", figures)
    return Check(
        "vectors",
        figures,
        "different texts get the same vector",
        "what runs under this name does not read its input: pull or install it again",
    )


def _repetition(first: Matrix, again: Matrix, agreement: float) -> Check:
    least = _least_cosine(first, again)
    figures = {"cosine": round(least, 6), "bound": agreement}
    if least >= agreement:
        return Check("repetition", figures)
    return Check(
        "repetition",
        figures,
        f"one text gets other vectors from time to time (cosine {least:.4f}, at least {agreement:.4f} is expected)",
        "make sure that one model answers under this name, and bring its server or library up to date",
    )


def _batches(together: Matrix, alone: Matrix, agreement: float) -> Check:
    least = _least_cosine(together, alone)
    figures = {"cosine": round(least, 6), "bound": agreement}
    if least >= agreement:
        return Check("batches", figures)
    return Check(
        "batches",
        figures,
        f"a text gets another vector among others (cosine {least:.4f}, at least {agreement:.4f} is expected)",
        "bring the server or library up to date: it lets the texts of a batch, or what fills them up, mix",
    )


def _end_token(plain: Matrix, ended: Matrix) -> Check:
    least = _least_cosine(plain, ended)
    figures = {"cosine": round(least, 4), "bound": WITH_END}
    if least >= WITH_END:
        return Check("end token", figures)
    return Check(
        "end token",
        figures,
        f"the model needs {END_TOKEN} behind each text, and here nobody appends it (cosine {least:.4f})",
        "bring the server up to date, or take a conversion of the model that appends its end token",
    )


def _reference(vectors: Matrix, reference: Matrix) -> Check:
    kept = reference[:, : vectors.shape[1]]
    lengths = np.linalg.norm(kept, axis=1)
    mean = float(np.mean((vectors * kept).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)))
    figures = {"cosine": round(mean, 4), "bound": WITH_REFERENCE}
    if mean >= WITH_REFERENCE:
        return Check("reference", figures)
    return Check(
        "reference",
        figures,
        f"the vectors are not those of the original model (mean cosine {mean:.4f}, at least {WITH_REFERENCE})",
        "it is pooled another way, quantised too far or another model: install or pull it again, or convert it anew",
    )


def _speed(model: Embedder, sample: Sequence[str], room: Room) -> Check:
    done, cut, unsound = 0, 0, 0
    began = time.perf_counter()
    while done < len(sample) and time.perf_counter() - began < SAMPLE_SECONDS:
        texts = sample[done : done + SAMPLED_AT_ONCE]
        found = model.embed_documents(texts)
        unsound += len(faults(found.vectors, len(texts), model.spec))
        cut += len(found.cut)
        done += len(texts)
    rate = done / max(time.perf_counter() - began, 1e-9)
    figures = {"texts": done, "texts_per_second": round(rate, 1), "cut": cut}
    if room.texts and done:
        figures["corpus_seconds"] = round(room.texts / rate)
    if not unsound:
        return Check("speed", figures, note=_cut(cut, done, model.spec.context_tokens))
    return Check(
        "speed",
        figures | {"unsound": unsound},
        f"{unsound} of {done} texts of the sample get unsound vectors",
        "bring the server or library up to date; a build would put these texts into quarantine",
    )


def _cut(cut: int, done: int, context_tokens: int | None) -> str:
    """Return what it means that texts of the sample were cut; "" where few were."""
    if cut < MANY_CUT * done:
        return ""
    window = f"the {context_tokens:,} tokens" if context_tokens else "what"
    return (
        f"{cut} of {done} texts of the sample are longer than {window} the model reads:"
        " what stands behind that is found by words, not by meaning"
    )


def _disk(spec: ModelSpec, room: Room) -> Check:
    needed = {s: room.texts * stored_and_packed_bytes(spec.stored_dimensions, s) for s in StorageFormat}
    figures = {"texts": room.texts, "free_bytes": room.free_disk_bytes}
    if room.texts:
        figures |= {f"{storage}_bytes": size for storage, size in needed.items()}
    if needed[room.storage] < room.free_disk_bytes:
        return Check("disk", figures)
    return Check(
        "disk",
        figures,
        f"vectors of {room.texts} texts as {room.storage} take {_size(needed[room.storage])} on disk,"
        f" and {_size(room.free_disk_bytes)} are free",
        "free some room, truncate the model, or set `storage` to a smaller format",
    )


def _least_cosine(first: Matrix, second: Matrix) -> float:
    """Return the least cosine between unit vectors in the same rows, -1 where one is not finite."""
    return float(np.nan_to_num((first * second).sum(axis=1), nan=-1.0).min(initial=1.0))


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB"

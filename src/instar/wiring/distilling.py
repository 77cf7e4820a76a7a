"""From the name of a model to a folder with the static model made of it."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from instar.adapters.embedders.static import builtin_folder
from instar.adapters.embedders.static_folder import Vocabulary, write_model
from instar.domain.catalogue import resolve
from instar.domain.models import VocabularyKind
from instar.errors import UsageError
from instar.ports import Embedder, Progress
from instar.training.distilling import Lesson, distilled
from instar.wiring import Workspace

COUNTED_TEXTS = 50_000
"""Passages whose words are counted, spread over the corpus."""
TAUGHT_TEXTS = 10_000
"""Of these, passages that the teacher reads: some six minutes of a small transformer on one core."""
ADDED_WORDS = 10_000
LEAST_OCCURRENCES = 5
"""A word of the corpus becomes a token of its own where it occurs so often: a rarer one is hardly learnt."""


@dataclass(frozen=True, slots=True)
class Distilled:
    """What was made: `tokens` is the size of the vocabulary, `size_bytes` that of the folder."""

    folder: Path
    teacher: str
    dimensions: int
    tokens: int
    passages: int
    size_bytes: int


def distil(
    workspace: Workspace, name: str, dimensions: int, kind: VocabularyKind, folder: Path, progress: Progress
) -> Distilled:
    """Distil a model into a folder, which `static:FOLDER` then names. Nothing is written before all is done.

    Raises `UsageError` for a folder that is not empty, a corpus that is, and too many dimensions; the teacher's errors.
    """
    _refuse(folder)
    teacher = workspace.models.named(name)
    vocabulary, lesson = Vocabulary.of(builtin_folder()), None
    if kind is VocabularyKind.CORPUS:
        vocabulary, lesson = _lesson(_texts(workspace), vocabulary, progress)
    words = vocabulary.words
    table = distilled(teacher, words, dimensions, lesson, progress)
    licence = resolve(name, workspace.models.entries).licence
    try:
        _write_whole(folder, lambda draft: write_model(draft, vocabulary, table, _description(teacher, licence)))
        size = sum(path.stat().st_size for path in folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror or error})", "make room, or name another folder"
        ) from error
    return Distilled(folder, name, dimensions, len(words), len(lesson.texts) if lesson else 0, size)


def _refuse(folder: Path) -> None:
    """Raise `UsageError` for a folder that cannot be written or is not empty, without making it: that takes a while."""
    try:
        target = folder.resolve()
        above = next(path for path in target.parents if path.exists())
        is_folder = target.is_dir() or not target.exists()
        is_full = target.is_dir() and any(target.iterdir())
    except (OSError, RuntimeError) as error:  # the latter for links in a circle
        reason = getattr(error, "strerror", "links in a circle")
        raise UsageError(f"{folder} cannot be looked at ({reason})", "name another folder") from error
    if not is_folder:
        raise UsageError(f"{folder} is no folder", "name another one")
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise UsageError(f"{above} is no folder that can be written", "name another folder")
    if is_full:
        raise UsageError(f"{folder} is not empty", "name a folder that is not there yet")


def _write_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a folder written beside and moved to where nothing or an empty one is; what fails leaves nothing.

    Raises `OSError`, also where something lies in the folder by now.
    """
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".instar-", dir=target.parent) as beside:
        draft = Path(beside) / target.name  # for the temporary one is closed to all others
        draft.mkdir()
        write(draft)
        draft.rename(target)


def _texts(workspace: Workspace) -> Sequence[str]:
    texts: Sequence[str] = []
    if workspace.has_corpus():
        with workspace.store.snapshot() as snapshot:
            texts = snapshot.texts(COUNTED_TEXTS)
    if not texts:
        raise UsageError(
            "nothing is indexed whose words could be learnt",
            "run `instar index PATH` first, or say `--vocabulary static`",
        )
    return texts


def _lesson(texts: Sequence[str], vocabulary: Vocabulary, progress: Progress) -> tuple[Vocabulary, Lesson]:
    words: Counter[str] = Counter()
    for done, text in enumerate(texts, 1):
        words.update(vocabulary.words_of(text))
        progress.step("counting", done, len(texts))
    new = [word for word, count in words.most_common() if count >= LEAST_OCCURRENCES and not vocabulary.knows(word)]
    vocabulary = vocabulary.extended(new[:ADDED_WORDS])
    tokens = list(vocabulary.tokens(texts))
    counts = np.bincount(np.concatenate(tokens), minlength=len(vocabulary.words)).astype(np.float64)
    taught = np.linspace(0, len(texts) - 1, min(len(texts), TAUGHT_TEXTS)).astype(int)  # spread over all
    return vocabulary, Lesson([texts[i] for i in taught], [tokens[i] for i in taught], counts)


def _description(teacher: Embedder, licence: str) -> dict[str, object]:
    spec = teacher.spec
    base = {"provider": spec.provider, "name": spec.name, "revision": spec.revision, "precision": spec.precision}
    return {"name": f"{spec.name}-static", "licence": licence, "base": base}

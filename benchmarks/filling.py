"""Filling a generation beside the model alone: what checking, storing, canaries and packing cost.

    python benchmarks/filling.py FOLDER [--model minilm] [--core 1]

Reads FOLDER into a new corpus, then embeds all its texts with the model alone, fills the generation of that model, and
embeds them with the model alone once more. The cache of vectors is off. Prints rates and their ratio.
"""

import argparse
import tempfile
import time
from pathlib import Path

import measuring

from instar.domain.catalogue import resolve
from instar.ports import Embedder, SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace


def alone(model: Embedder, texts: list[str]) -> tuple[float, float]:
    """Return seconds on the wall and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    model.embed_documents(texts)
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--core", type=int, default=1)
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(data=Path(scratch, "data"), model=arguments.model, cache_megabytes=0)
        workspace = Workspace(settings)
        workspace.index([arguments.folder.resolve()], SilentProgress(), build_wanted=False)
        with workspace.store.writing() as writer:
            texts = list(dict.fromkeys(row.text for row in writer.lexical_rows(None)))
        model = workspace.models.bare(resolve(arguments.model, workspace.models.entries))
        model.embed_documents(texts[:20])
        before = alone(model, texts)
        wall, processor = time.perf_counter(), time.process_time()
        workspace.index([arguments.folder.resolve()], SilentProgress())
        filled = time.perf_counter() - wall, time.process_time() - processor
        after = alone(model, texts)
        bare = [(a + b) / 2 for a, b in zip(before, after, strict=True)]
        for name, own, whole in zip(("wall", "processor"), bare, filled, strict=True):
            rates = f"alone {len(texts) / own:.1f} texts/s, filling {len(texts) / whole:.1f}"
            print(f"{name}: {len(texts)} texts, {rates}: {own / whole:.1%} of the rate")
        workspace.close()


if __name__ == "__main__":
    main()

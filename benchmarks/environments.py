"""One model in two environments with versions of transformers that cannot be installed together, from one process.

    python benchmarks/environments.py MODEL_FOLDER PYTHON_OF_ONE PYTHON_OF_THE_OTHER

Prints the versions, how near the two vectors of each text are, and what the way to another process costs.
"""

import json
import subprocess
import sys
import time

import numpy as np

from instar.adapters.embedders.process import ProcessEncoder
from instar.domain.catalogue import ModelEntry
from instar.embedding.encoding import EncodedModel
from instar.ports import Encoder
from instar.testing import HashEncoder
from instar.wiring.models import encoder_here

TEXTS = [f"def retry_{i}(delay): wait({i} * delay)  # naïve, {'again ' * (i % 40)}" for i in range(64)]
VERSIONS = """
import json, sentence_transformers, torch, transformers
modules = sentence_transformers, torch, transformers
print(json.dumps({module.__name__: module.__version__ for module in modules}))
"""
CALLS = 200


def main() -> None:
    model, *pythons = sys.argv[1:]
    opened = [EncodedModel(ProcessEncoder(entry, encoder_here), entry) for entry in entries(model, pythons)]
    rounds = [[one.embed_documents(TEXTS).vectors for one in opened] for _ in range(2)]  # by turns, both alive
    for python, one in zip(pythons, opened, strict=True):
        print(python, versions(python))
        print("   ", one.encoder.facts)
    first, second = rounds[0]
    cosines = (first * second).sum(axis=1)
    print(f"cosine of the two vectors of a text: least {cosines.min():.7f}, mean {cosines.mean():.7f}, of {len(TEXTS)}")
    print("the second round is the first:", all(map(np.array_equal, *rounds)))
    for one in opened:
        one.encoder.close()
    print(f"there and back with {len(TEXTS)} texts and {first.nbytes} bytes of vectors: {way():.2f} ms")


def entries(model: str, pythons: list[str]) -> list[ModelEntry]:
    return [
        ModelEntry(f"st:{model} in {python}", provider="st", source=model, options={"python": python})
        for python in pythons
    ]


def versions(python: str) -> dict[str, str]:
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def way() -> float:
    """Milliseconds a batch takes beyond the model's own work, with a fake model; the least of all calls."""
    entry = ModelEntry("hash", provider="st", dimensions=384, context_tokens=1, options={"python": sys.executable})
    here, there = HashEncoder(entry), ProcessEncoder(entry, HashEncoder)
    least = [min(milliseconds(encoder) for _ in range(CALLS)) for encoder in (here, there)]
    there.close()
    return least[1] - least[0]


def milliseconds(encoder: Encoder) -> float:
    started = time.perf_counter()
    encoder.encode(TEXTS)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()

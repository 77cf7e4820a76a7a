"""Memory of a process that loads and unloads a model again and again, and of one whose model is left alone.

python benchmarks/unloading.py --model minilm [--times 200]
"""

import argparse
import tempfile
import time
from pathlib import Path

from measuring import resident_bytes

from instar.domain.catalogue import resolve
from instar.settings import Settings, user_folder
from instar.wiring.models import Models

TEXT = "open the file and read every line"
IDLE_SECONDS = 1.0
WAITED_SECONDS = 8.0
"""The idle limit and how often idle models are looked for, and a little."""
MEGABYTE = 1e6
SHOWN = (1, 2, 5, 10, 20, 50, 100, 150, 200, 500, 1_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--times", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(
            data=Path(scratch), cache_megabytes=0, query_cache_seconds=0, model_idle_seconds=IDLE_SECONDS
        )
        models = Models(user_folder(), settings)
        again_and_again(models, arguments.model, arguments.times)
        left_alone(models, arguments.model)


def again_and_again(models: Models, name: str, times: int) -> None:
    encoder = models.encoder(resolve(name, models.entries))
    print(f"before: {resident_bytes() / MEGABYTE:.0f} MB")
    for number in range(1, times + 1):
        encoder.encode([TEXT])
        loaded = resident_bytes()
        encoder.close()
        if number in SHOWN or number == times:
            print(f"{number:4} times: loaded {loaded / MEGABYTE:.0f} MB, unloaded {resident_bytes() / MEGABYTE:.0f} MB")


def left_alone(models: Models, name: str) -> None:
    model = models.named(name)
    model.embed_query(TEXT)
    print(f"asked: {resident_bytes() / MEGABYTE:.0f} MB")
    time.sleep(WAITED_SECONDS)
    print(f"left alone for {WAITED_SECONDS:.0f} s: {resident_bytes() / MEGABYTE:.0f} MB")
    model.embed_query(TEXT)
    print(f"asked again: {resident_bytes() / MEGABYTE:.0f} MB")


if __name__ == "__main__":
    main()

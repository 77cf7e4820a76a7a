"""Train the token table: from the teacher's vectors of the token strings, contrastively on (documentation, code)."""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from bags import Bags
from teacher import Teacher
from tokenizers import Tokenizer
from torch.nn import functional
from vocabulary import strings, trained

DIMENSIONS = 256
SEED = 7
ZIPF_SMOOTHING = 1e-3  # Arora et al. 2017, smooth inverse frequency: weight = a / (a + p)
BETAS, EPSILON = (0.9, 0.98), 1e-8


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one training run does."""

    vocabulary: int = 30_000
    epochs: int = 6
    batch: int = 1024
    temperature: float = 0.05
    rate: float = 0.02
    detail: float = 0.3  # share of the code that keeps the rest of its documentation
    name: float = 0.1  # share of the queries that are the words of the symbol's name


def initial_table(tokenizer: Tokenizer, frequencies: np.ndarray) -> np.ndarray:
    """Encode every token's string with the teacher, reduce by PCA, weight by smooth inverse frequency."""
    vectors = Teacher().encode(strings(tokenizer)).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors, full_matrices=False)
    reduced = vectors @ axes[:DIMENSIONS].T
    share = frequencies / frequencies.sum()
    weighted = reduced * (ZIPF_SMOOTHING / (ZIPF_SMOOTHING + share))[:, None]
    weighted[0] = 0
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
    """Return unit vectors (texts, dimensions): the counted sum of each bag's rows."""
    offsets = torch.from_numpy(bags.starts[:-1])
    counts = torch.from_numpy(bags.counts)
    summed = functional.embedding_bag(torch.from_numpy(local), rows, offsets, mode="sum", per_sample_weights=counts)
    return functional.normalize(summed, dim=-1)


def joined(first: Bags, second: Bags, keep: np.ndarray) -> Bags:
    """Append the second bag to the first where `keep` (bool, one per text) says so."""
    lengths_a = np.diff(first.starts)
    lengths_b = np.diff(second.starts) * keep
    starts = np.concatenate([[0], np.cumsum(lengths_a + lengths_b)])
    ids = np.empty(starts[-1], dtype=np.int32)
    counts = np.empty(starts[-1], dtype=np.float32)
    at = np.arange(len(first.ids)) + np.repeat(starts[:-1] - first.starts[:-1], lengths_a)
    ids[at], counts[at] = first.ids, first.counts
    kept = np.repeat(keep, np.diff(second.starts))
    target = np.arange(int(lengths_b.sum())) + np.repeat(
        starts[:-1] + lengths_a - np.concatenate([[0], np.cumsum(lengths_b)])[:-1], lengths_b
    )
    ids[target], counts[target] = second.ids[kept], second.counts[kept]
    return Bags(ids, counts, starts)


def train(table: Table, fields: dict[str, Bags], recipe: Recipe) -> None:
    """Run symmetric in-batch contrastive learning (InfoNCE, van den Oord et al. 2018) over all pairs."""
    generator = np.random.default_rng(SEED)
    total = len(fields["query"])
    steps = recipe.epochs * (total // recipe.batch)
    step = 0
    for epoch in range(recipe.epochs):
        order = generator.permutation(total)
        losses, began = [], time.perf_counter()
        for start in range(0, total - recipe.batch + 1, recipe.batch):
            picked = order[start : start + recipe.batch]
            by_name = generator.random(recipe.batch) < recipe.name
            nothing = np.zeros(0, dtype=np.int64)
            empty = Bags(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(recipe.batch + 1, np.int64))
            del nothing
            queries = joined(joined(empty, fields["query"].take(picked), ~by_name), fields["name"].take(picked), by_name)
            with_detail = generator.random(recipe.batch) < recipe.detail
            codes = joined(fields["code"].take(picked), fields["detail"].take(picked), with_detail)
            ids, local = np.unique(np.concatenate([queries.ids, codes.ids]), return_inverse=True)
            rows = table.rows(ids)
            left = embed(rows, local[: len(queries.ids)], queries)
            right = embed(rows, local[len(queries.ids) :], codes)
            scores = left @ right.T / recipe.temperature
            target = torch.arange(recipe.batch)
            loss = (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2
            loss.backward()
            table.update(ids, rows.grad, recipe.rate * (1 - step / steps))
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Learn the vocabulary, encode its strings, train, and write the float32 table beside the tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    for name, value in Recipe.__dataclass_fields__.items():
        parser.add_argument(f"--{name}", type=type(value.default), default=value.default)
    options = vars(parser.parse_args())
    path, out = options.pop("pairs"), options.pop("out")
    recipe = Recipe(**options)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    out.mkdir(parents=True, exist_ok=True)
    pairs = [json.loads(line) for line in path.open(encoding="utf-8")]
    if not (out / "initial.npy").exists():
        tokenizer = trained((p["query"] + "\n" + p["code"] for p in pairs), recipe.vocabulary)
        tokenizer.save(str(out / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    fields = {name: Bags.of(tokenizer, [p[name] for p in pairs]) for name in ("query", "name", "detail", "code")}
    if not (out / "initial.npy").exists():
        frequencies = np.bincount(fields["code"].ids, fields["code"].counts, minlength=tokenizer.get_vocab_size())
        np.save(out / "initial.npy", initial_table(tokenizer, frequencies))
    print(len(pairs), "pairs,", tokenizer.get_vocab_size(), "tokens,", len(fields["code"].ids) / len(pairs), "a code")
    table = Table(np.load(out / "initial.npy"))
    train(table, fields, recipe)
    np.save(out / "table.npy", table.values.numpy())
    (out / "recipe.json").write_text(json.dumps(options), "utf-8")


if __name__ == "__main__":
    main()

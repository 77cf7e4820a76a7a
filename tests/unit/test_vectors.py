import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.domain.models import StorageFormat
from instar.domain.vectors import bit_planes, decode, dot, encode, hamming, nearest, quantise, row_bytes


def unit_rows(count, dimensions, seed=0):
    rows = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("storage", StorageFormat)
@pytest.mark.parametrize("dimensions", [96, 100])
def test_a_stored_row_is_nearest_to_itself(storage, dimensions):
    rows = unit_rows(50, dimensions)
    data = encode(rows, storage)
    assert data.shape == (50, row_bytes(dimensions, storage))
    products = np.array([dot(decode(data, storage), slice(None), row) for row in rows])
    assert products.argmax(axis=1).tolist() == list(range(50))
    assert np.allclose(np.diag(products), 1.0, atol=0.2 if storage is StorageFormat.BINARY else 0.005)


@given(st.integers(1, 70), st.integers(0, 1000))
def test_signs_cost_a_bit_and_give_the_same_planes(dimensions, seed):
    rows = unit_rows(5, dimensions, seed)
    data = encode(rows, StorageFormat.BINARY)
    assert data.nbytes == 5 * -(-dimensions // 8)
    codes, scales = decode(data, StorageFormat.BINARY)
    assert np.array_equal(bit_planes(codes), bit_planes(rows))
    signs = np.where(rows > 0, 1.0, -1.0)
    assert np.allclose(dot((codes, scales), slice(None), rows[0]), (signs @ rows[0]) * scales, atol=1e-5)


def test_products_with_signs_are_cosines_on_average():
    rows, queries = unit_rows(500, 256), unit_rows(3, 256, seed=1)
    near = [(query + row) / np.linalg.norm(query + row) for query, row in zip(queries, rows, strict=False)]
    codes = decode(encode(rows, StorageFormat.BINARY), StorageFormat.BINARY)
    for place, query in enumerate(near):
        assert dot(codes, slice(None), query)[place] == pytest.approx(float(rows[place] @ query), abs=0.1)


def test_a_zero_row_stays_zero():
    codes, scales = quantise(np.zeros((1, 8), np.float32))
    assert not codes.any()
    assert scales[0] == 0


@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 1000))
def test_hamming_counts_differing_signs(dimensions, count, seed):
    rows = unit_rows(count + 1, dimensions, seed)
    distances = hamming(bit_planes(rows[1:]), bit_planes(rows[:1])[:, 0])
    expected = ((rows[1:] > 0) != (rows[0] > 0)).sum(axis=1)
    assert distances.tolist() == expected.tolist()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(1, 50))
def test_nearest_holds_all_that_are_nearer_than_any_left_out(distances, wanted):
    values = np.array(distances, dtype=np.uint16)
    chosen = set(nearest(values, wanted).tolist())
    left = [values[i] for i in range(values.size) if i not in chosen]
    assert len(chosen) >= min(wanted, values.size)
    assert not left or min(left) > max(values[i] for i in chosen)


def test_products_of_codes_are_those_of_the_vectors():
    rows, query = unit_rows(30, 64), unit_rows(1, 64, seed=1)[0]
    assert np.allclose(dot(quantise(rows), slice(None), query), rows @ query, atol=0.01)

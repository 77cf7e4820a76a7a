import numpy as np

from instar.domain.models import ModelSpec
from instar.embedding.integrity import faults

SPEC = ModelSpec("fake", "fake", "1", 8, "float32", "mean")


def sound(count):
    rows = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_sound_vectors_pass():
    assert faults(sound(20), 20, SPEC) == {}


def test_each_fault_is_named():
    rows = sound(6)
    rows[1, 0] = np.nan
    rows[2, 3] = np.inf
    rows[3] = 0
    rows[4] *= 2
    found = faults(rows, 6, SPEC)
    assert found == {1: "not finite", 2: "not finite", 3: "zero", 4: "length 2.0000 instead of 1"}


def test_a_wrong_shape_condemns_all():
    assert set(faults(sound(3)[:, :4], 3, SPEC)) == {0, 1, 2}
    assert set(faults(sound(2), 3, SPEC)) == {0, 1, 2}

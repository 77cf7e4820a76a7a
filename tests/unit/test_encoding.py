"""What becomes of the vectors of a model before they are stored."""

from dataclasses import replace

import numpy as np

from instar.domain.catalogue import ModelEntry
from instar.embedding.encoding import EncodedModel
from instar.testing import HashEncoder

TEXTS = ["open the file", "read every line", "close the file again"]
ENTRY = ModelEntry("hash", provider="st", dimensions=64, centred=True)


def test_a_model_that_wants_a_layer_norm_before_it_is_truncated_gets_it() -> None:
    encoder = HashEncoder(ENTRY)
    whole = encoder.encode(TEXTS).vectors
    normed = (whole - whole.mean(axis=1, keepdims=True)) / whole.std(axis=1, keepdims=True)
    expected = normed[:, :16] / np.linalg.norm(normed[:, :16], axis=1, keepdims=True)
    found = EncodedModel(encoder, replace(ENTRY, truncation=16))
    np.testing.assert_allclose(found.embed_documents(TEXTS).vectors, expected, atol=1e-6)
    np.testing.assert_allclose(found.embed_query(TEXTS[0]).vector, expected[0], atol=1e-6)
    assert found.spec.centred


def test_whole_vectors_stay_as_they_are() -> None:
    encoder = HashEncoder(ENTRY)
    found = EncodedModel(encoder, ENTRY)
    np.testing.assert_allclose(found.embed_documents(TEXTS).vectors, encoder.encode(TEXTS).vectors / 3, atol=1e-6)
    assert not found.spec.centred

"""Instar: search code, documents and sessions, and change the embedding model under the index while it is in use."""

__version__ = "0.1.0"

"""Stores of the corpus."""

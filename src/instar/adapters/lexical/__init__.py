"""Lexical indexes."""

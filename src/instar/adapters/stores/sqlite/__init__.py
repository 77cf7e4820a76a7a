"""The corpus in one SQLite file."""

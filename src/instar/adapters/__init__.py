"""Concrete things behind the ports, one file or folder each."""

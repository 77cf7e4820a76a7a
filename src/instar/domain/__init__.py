"""Frozen values and pure maths; no input or output."""

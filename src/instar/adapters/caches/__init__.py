"""Caches that outlive a process."""

"""Changing what answers while it answers: migrations, built beside, let in by gates, undone by one write."""

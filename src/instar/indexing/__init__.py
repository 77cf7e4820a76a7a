"""Reading what changed, and the followers of the corpus."""

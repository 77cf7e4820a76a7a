"""What stands between a model and the store."""

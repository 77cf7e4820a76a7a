"""Where documents come from: folders of files (`tree.py`)."""

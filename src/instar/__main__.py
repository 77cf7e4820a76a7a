"""`python -m instar`."""

from instar.entrypoints.cli.main import run

if __name__ == "__main__":
    run()

"""The command line."""

from clr_study.cli.main import main

__all__ = ["main"]

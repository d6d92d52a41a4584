"""`python -m clr_study` is the command `clr-study` of that very Python."""

from __future__ import annotations

from clr_study.cli import main

if __name__ == "__main__":
    main(prog_name="clr-study")

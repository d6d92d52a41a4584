"""What all commands share: a mistake is a sentence and an exit code, and being stopped is said."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

import click

from clr_study.cli.text import plain
from clr_study.errors import ClrStudyError

TERMINATED = 128 + signal.SIGTERM
INTERRUPTED = 128 + signal.SIGINT
SHOW_CURSOR = "\x1b[?25h"
RESUMING = ("run", "range-test")


class Commands(click.Group):
    """A group that turns our errors into a sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a user's mistake is a sentence, a bug keeps its traceback."""
        asked: list[int] = []

        def terminate(number: int, frame: FrameType | None) -> None:
            asked.append(number)
            sys.exit(TERMINATED)

        previous = signal.signal(signal.SIGTERM, terminate)
        interrupted = signal.getsignal(signal.SIGINT)
        if interrupted is not signal.SIG_IGN:  # as a shell has it in its background jobs
            signal.signal(signal.SIGINT, _interrupt)
        try:
            return super().invoke(ctx)
        except Exception as error:
            if asked:  # what the signal fell into failed in its own words, as a database driver amid a statement
                click.echo(f"clr-study: ended{_resumes(ctx)}", err=True)
                ctx.exit(TERMINATED)
            if not isinstance(error, ClrStudyError):
                raise
            click.secho(f"clr-study: {plain(str(error))}", fg=None if os.environ.get("NO_COLOR") else "red", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo(f"\nclr-study: stopped{_resumes(ctx)}", err=True)
            ctx.exit(INTERRUPTED)
        except SystemExit as end:
            if end.code == TERMINATED:
                click.echo(f"clr-study: ended{_resumes(ctx)}", err=True)
            raise
        finally:
            signal.signal(signal.SIGTERM, previous)
            signal.signal(signal.SIGINT, interrupted)


def _resumes(ctx: click.Context) -> str:
    return "; what was done is saved, and the same command goes on from there" * (ctx.invoked_subcommand in RESUMING)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the command as Ctrl-C does; whoever cannot wait for it to tidy up presses it again."""
    signal.signal(signal.SIGINT, _end_at_once)
    raise KeyboardInterrupt


def _end_at_once(number: int, frame: FrameType | None) -> None:
    shown = SHOW_CURSOR if sys.stderr.isatty() else ""  # a panel that is being drawn hides it
    os.write(2, f"{shown}\nclr-study: ended at once; what was stored is safe\n".encode())
    os._exit(INTERRUPTED)

"""The executor of the caller's own thread."""

from __future__ import annotations

import os

import pytest

from clr_study.errors import InputError
from clr_study.executors import InlineExecutor, inline


def test_it_works_in_this_process_at_once():
    done = []
    future = InlineExecutor().submit(done.append, os.getpid())
    assert future.done()
    assert done == [os.getpid()]


@pytest.mark.parametrize("workers", [0, 2])
def test_it_takes_one_worker(workers):
    called = []
    with pytest.raises(InputError, match=rf"works on one device, but got {workers}; use --executor processes"):
        inline([lambda: called.append(1)] * workers)
    assert not called


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_not_swallowed(interruption):
    def stop():
        raise interruption

    with pytest.raises(interruption):
        InlineExecutor().submit(stop)

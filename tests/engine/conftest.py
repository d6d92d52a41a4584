from __future__ import annotations

import pytest
import torch


@pytest.fixture
def one_thread():
    """Keeps all lanes in the test's own thread: several threads would share them out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

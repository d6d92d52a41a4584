from __future__ import annotations

import os

# Before torch is imported: threads that spin while they wait slow every other test down.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

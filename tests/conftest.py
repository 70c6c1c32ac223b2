"""What holds for all tests."""

from __future__ import annotations

import os

# Before torch is imported: threads that wait for one another on busy cores make small batches a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

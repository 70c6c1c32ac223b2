"""TRL's trainers that rows are written for, and the feedback that they learn from."""

from __future__ import annotations

from typing import Literal

from multiref_gym.feedback import Feedback

Trainer = Literal["sft", "kto"]
"""`SFTTrainer` or `KTOTrainer`."""

LEARNED_FROM = {"sft": (Feedback.POSITIVE,), "kto": (Feedback.POSITIVE, Feedback.NEGATIVE)}
"""The feedback that a trainer learns from."""

ROW = ("prompt", "completion")
"""The columns of the rows for each trainer."""

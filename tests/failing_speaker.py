"""Speakers that fail when they are told to, for tests of what fails in another process."""

import os
from multiprocessing import parent_process
from typing import NoReturn

from terse_speaker import TerseSpeaker

from multiref_gym.game import Action
from multiref_gym.tangrams import TangramSet


class TwofoldError(Exception):
    """An error that cannot be pickled, as it is made of other than its message."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def no_voice() -> NoReturn:
    raise LookupError("no voice")


def unlike_others() -> NoReturn:
    raise TwofoldError("one", "two")


def interrupted() -> NoReturn:
    raise KeyboardInterrupt


def killed() -> NoReturn:
    os._exit(3)


FAILURES = (no_voice, unlike_others, interrupted, killed)


class FailingSpeaker(TerseSpeaker):
    """Fails when A, B, C or D is selected, each in a way of its own."""

    def reply(self, action: Action | None) -> str:
        if action is not None and action.select and min(action.select) < len(FAILURES):
            FAILURES[min(action.select)]()
        return super().reply(action)


class HomelySpeaker(TerseSpeaker):
    """Speaks in the main process only."""

    def __init__(self, tangrams: TangramSet) -> None:
        if parent_process() is not None:
            raise LookupError("far from home")
        super().__init__(tangrams)

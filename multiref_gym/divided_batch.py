"""A batch of games divided over processes, which play their parts at the same time."""

from __future__ import annotations

import pickle
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any, NamedTuple, NoReturn
from weakref import finalize

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv
from multiref_gym.episode_batch import Arrays, EpisodeBatch, Told
from multiref_gym.errors import UserError

_PATIENCE = 5.0
"""How many seconds a process may take to end by itself."""


class DividedBatch:
    """An `EpisodeBatch` of which this process plays the first part, and other processes the other parts.

    The parts are as even as can be. The arrays lie in memory that all processes share; all else goes over a pipe, one
    message each way a call. A message is a pickle, as those of `multiprocessing` are, and both ends are this program's
    own. The processes are spawned, as a fork is not safe where other threads run, such as torch's.
    They end with `close`, with this object, or with the process that made it.

    Args:
        env: What this process plays with, made of the options.
        options: What each other process makes a `MultiRefEnv` of.
        games: How many there are.
        arrays: Of which shapes and types the arrays are.
        board: Whether the images change with what is selected.
        autoreset: When a game that has ended is followed by a new one.
        workers: The number of processes, this one included.

    Attributes:
        arrays: The arrays of all games.

    Raises:
        UserError: If an option cannot go to another process.
        RuntimeError: If a process has ended, now or in any later call.
    """

    def __init__(
        self,
        env: MultiRefEnv,
        options: Mapping[str, Any],
        games: int,
        arrays: Arrays,
        board: bool,
        autoreset: AutoresetMode,
        workers: int,
    ) -> None:
        pickled = {}
        for name, option in options.items():
            try:
                pickled[name] = pickle.dumps(option)
            except Exception as error:
                allowed = f"allowed with workers={workers} is what can be pickled"
                raise UserError(f"{name}={option!r}: {allowed} ({error})") from error
        shared = {name: _SharedArray.like(array) for name, array in arrays.items()}
        self.arrays = _opened(shared, slice(None))
        bounds = [games * i // workers for i in range(workers + 1)]
        self._parts = [slice(start, stop) for start, stop in pairwise(bounds)]
        self._workers = [_Worker(part, pickled, shared, (board, autoreset)) for part in self._parts[1:]]
        try:
            self._own = EpisodeBatch(env, _length(self._parts[0]), _opened(shared, self._parts[0]), board, autoreset)
            for worker in self._workers:
                worker.receive()
        except BaseException:
            self.close()
            raise

    def reset(self, rngs: Mapping[int, np.random.Generator | None], options: dict[str, Any]) -> Told:
        """Starts games, as `EpisodeBatch.reset` does."""
        parts = [
            {i - part.start: rng for i, rng in rngs.items() if part.start <= i < part.stop} for part in self._parts
        ]
        return self._all("reset", [(rngs_of_part, options) for rngs_of_part in parts])

    def step(self, clicks: bytes) -> Told:
        """Takes a turn of each game, as `EpisodeBatch.step` does."""
        size = len(clicks) // self._parts[-1].stop
        told = self._all("step", [(clicks[part.start * size : part.stop * size],) for part in self._parts])
        if (images := self.arrays.get("final_image")) is None:
            return told
        return told._replace(final_images=[images[i].copy() for i, over in enumerate(told.over) if over])

    def close(self) -> None:
        """Ends the other processes."""
        for worker in self._workers:
            worker.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("games that other processes play cannot be copied; with workers=1 they can")

    def _all(self, method: str, arguments: list[tuple[Any, ...]]) -> Told:
        """Calls a method of all parts at once, and puts together what they say."""
        own, *others = arguments
        for worker, theirs in zip(self._workers, others, strict=True):
            worker.send(method, theirs)
        told: list[Told] = [getattr(self._own, method)(*own), *[worker.receive() for worker in self._workers]]
        return Told(*[list(chain(*parts)) for parts in zip(*told, strict=True)])


class _SharedArray(NamedTuple):
    """An array in memory that a process hands on to those it starts."""

    memory: Any
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @classmethod
    def like(cls, array: NDArray[Any]) -> _SharedArray:
        return cls(RawArray("b", array.nbytes), array.dtype, array.shape)

    def opened(self) -> NDArray[Any]:
        return np.frombuffer(self.memory, self.dtype).reshape(self.shape)


def _opened(shared: dict[str, _SharedArray], part: slice) -> Arrays:
    return {name: array.opened()[part] for name, array in shared.items()}


class _Worker:
    """Another process, which plays a part of the games; its first answer is that it is ready to."""

    def __init__(
        self, part: slice, options: dict[str, bytes], arrays: dict[str, _SharedArray], how: tuple[bool, AutoresetMode]
    ) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, part, options, arrays, how), daemon=True)
        self._process.start()
        theirs.close()  # else nobody would notice here that the process has ended
        self._games = f"{part.start} to {part.stop - 1}"
        self._answers = 1  # that are still to come
        self.close = finalize(self, _end, self._process, self._connection)

    def send(self, method: str, arguments: tuple[Any, ...]) -> None:
        while self._answers:  # to calls that were given up, as there was an error elsewhere
            self._next_answer()
        with self._unbroken():
            self._connection.send_bytes(pickle.dumps((method, arguments)))
            self._answers += 1

    def receive(self) -> Any:
        answer = pickle.loads(self._next_answer())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _next_answer(self) -> bytes:
        with self._unbroken():
            answer = self._connection.recv_bytes()
            self._answers -= 1
        return answer

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """Ends the process if a message does not go through, or Ctrl-C cuts it in two: the rest would be in the way."""
        try:
            yield
        except (EOFError, OSError):
            self.close()
            raise RuntimeError(
                f"the process that played games {self._games} has ended (exit code {self._process.exitcode}): make "
                "the environment anew; a script that makes one needs `if __name__ == '__main__':`"
            ) from None
        except BaseException:
            self.close()
            raise


def _end(process: BaseProcess, connection: Connection) -> None:
    connection.close()  # at which an idle process ends
    process.join(_PATIENCE)
    process.kill()
    process.join()


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _serve(
    connection: Connection,
    part: slice,
    options: dict[str, bytes],
    arrays: dict[str, _SharedArray],
    how: tuple[bool, AutoresetMode],
) -> None:
    """Plays a part of the games in another process, as it is told to, until nobody is there to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is heard by the process that started this one, which ends it
    try:
        env = MultiRefEnv(**{name: pickle.loads(option) for name, option in options.items()})
        batch = EpisodeBatch(env, _length(part), _opened(arrays, part), *how)
    except Exception as error:
        connection.send(_portable(error))
        return
    with suppress(EOFError, OSError):
        connection.send(None)
        while True:
            method, arguments = pickle.loads(connection.recv_bytes())
            try:
                answer = getattr(batch, method)(*arguments)
            except Exception as error:
                answer = _portable(error)
            connection.send_bytes(pickle.dumps(answer))


def _portable(error: Exception) -> Exception:
    """Returns the error with its traceback as a note, or another that says the same if it cannot be pickled."""
    trace = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In another process:\n{trace}")
    return error

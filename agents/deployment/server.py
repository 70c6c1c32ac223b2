"""The processes of a deployment: those that answer browsers, and the one that also manages the rounds."""

from __future__ import annotations

import errno
import multiprocessing
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import uvicorn
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError

from multiref_gym.agents.deployment import operator_pages
from multiref_gym.agents.deployment.answering import Answering
from multiref_gym.agents.deployment.app import new_app
from multiref_gym.agents.deployment.events import note, placed
from multiref_gym.agents.deployment.games import Deployment, Games, Role
from multiref_gym.agents.deployment.learner import end_with_parent
from multiref_gym.agents.deployment.people import Secrets
from multiref_gym.agents.deployment.pictures import Pictures
from multiref_gym.agents.deployment.policies import Policies
from multiref_gym.agents.deployment.rounds import Rounds
from multiref_gym.agents.deployment.site import Site
from multiref_gym.agents.deployment.slots import Plan
from multiref_gym.agents.deployment.study import Study, texts
from multiref_gym.agents.deployment.tables import open_database
from multiref_gym.commands.process import prepare_process
from multiref_gym.commands.screen import printable
from multiref_gym.database import StoreError
from multiref_gym.errors import UserError
from multiref_gym.game import Game
from multiref_gym.simulators.named import speaker_of
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

PORT_WAIT = 2.0
"""Seconds of attempts to get a port that another process holds."""
TICK = 0.5
"""Seconds between checks of the rounds."""
RESTART_EVERY = 5.0
"""Seconds between checks whether the other processes are alive."""
AFTER_FAILURE = 30.0
"""Seconds between checks of the rounds after a failure."""


@dataclass(frozen=True)
class Setup:
    """The settings that a process needs to take part in a deployment.

    Attributes:
        out: The folder of the run.
        database: The path or URL of its database.
        tangrams: The name of the tangrams.
        split: The split to play with.
        seed: Seeds all randomness.
        systems: The names of the systems that play.
        contexts: The number of contexts in a round; None for no end.
        role: The role of people.
        speaker: The speaker that people listen to, if they listen.
        personas: The speaker's personas.
        patience: Seconds that a person has for a turn.
        study: The folder of the study, None if the games are open to anybody.
        processes: The number of processes that answer browsers; only the first one has the listeners.
    """

    out: Path
    database: str
    tangrams: str
    split: SplitName
    seed: int
    systems: tuple[str, ...]
    contexts: int | None
    role: Role
    speaker: str
    personas: Path | None
    patience: float
    study: Path | None
    processes: int = 1

    def site(self, *, first: bool = True) -> Site:
        """Opens the database, and makes everything that a process needs.

        Args:
            first: Whether it is the process with the listeners.

        Raises:
            UserError: If something cannot be made or opened.
        """
        study = None if self.study is None else Study.of(self.study)
        consent, pages = study.hash if study else None, templates(self.study)
        tangrams = load_tangrams(self.tangrams)
        make_speaker = speaker_of(self.speaker, tangrams, self.personas) if self.role == "listener" else None
        plan = Plan(self.systems, self.contexts, self.seed)
        part = tangrams.split(self.split)
        rules = Games(Deployment(part, self.seed, plan, self.role, make_speaker, self.patience, consent))
        warm_up_speaker(rules.deployment)
        secrets, database = Secrets.of(self.out, create=first), open_database(self.database)
        policies = Policies(part)
        answering = Answering(database, rules, policies, answers=first, shared=self.processes > 1)
        return Site(
            database, rules, answering, policies, secrets, pages, Pictures(part, secrets), texts(self.study), study
        )


def warm_up_speaker(deployment: Deployment) -> None:
    """Draws a context and, if people listen, starts a speaker, so that data needed at first use are made now."""
    context = deployment.context(0, 0)
    if deployment.make_speaker is not None:
        deployment.make_speaker().start(Game(context), np.random.default_rng(0))


def templates(folder: Path | None) -> Environment:
    """Returns the page templates; those in a folder replace the package's own.

    Raises:
        UserError: If one of them cannot be read.
    """
    own = PackageLoader("multiref_gym.agents.deployment", "pages")
    loader = own if folder is None else ChoiceLoader([FileSystemLoader(folder), own])
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for name in own.list_templates():
        try:
            pages.get_template(name)
        except (TemplateError, UnicodeDecodeError) as error:
            raise UserError(f"{folder}, page {name}: {error}") from error
    return pages


def bound(host: str, port: int) -> socket.socket:
    """Returns a socket that listens for browsers.

    Raises:
        UserError: If another program has the port.
    """
    ends = time.monotonic() + PORT_WAIT
    while True:
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            listening = socket.socket(family)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            break
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE and time.monotonic() < ends:
                time.sleep(0.1)  # a killed process may still be ending
                continue
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UserError(
                f"cannot listen on {host}, port {port}: {reason}; choose another --port or --host"
            ) from error
    listening.listen(2048)
    listening.set_inheritable(True)
    return listening


def new_server(site: Site, proxy: str | None = None) -> uvicorn.Server:
    """Returns the web server.

    Args:
        site: The site to serve.
        proxy: The address of a proxy that is trusted to report the client's address; None for no proxy.
    """
    config = uvicorn.Config(
        new_app(site, *operator_pages.routes(site)),
        log_level="warning",
        access_log=False,  # what people open is nobody's concern
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy or "",
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=30,
    )
    return uvicorn.Server(config)


def serve(site: Site, server: uvicorn.Server, listening: socket.socket) -> None:
    """Answers browsers until the process or the server is asked to end.

    Raises:
        Exception: The error because of which turns could no longer be answered.
    """
    site.answering.on_failure = lambda: setattr(server, "should_exit", True)
    try:
        site.answering.start()
        server.run(sockets=[listening])
    finally:
        site.answering.stop()
        site.database.close()
    if site.answering.failure is not None:
        raise site.answering.failure


@contextmanager
def looked_after(site: Site, rounds: Rounds, on_over: Callable[[], None]) -> Iterator[None]:
    """Manages the rounds in a thread while the block runs.

    Args:
        site: Its database records failures.
        rounds: The rounds.
        on_over: Called once when the last round has been measured.
    """
    ends = threading.Event()

    def look_after() -> None:
        over = False
        wait = TICK
        while not ends.wait(wait):
            wait = TICK
            try:
                rounds.tick()
                if rounds.is_over and not over:
                    over = True
                    on_over()
            except Exception as error:  # people continue to play, and the operator reads the error
                wait = AFTER_FAILURE
                message = str(error) if isinstance(error, UserError) else placed(error)
                sys.stderr.write(printable(f"multiref: the rounds: {message}") + "\n")
                with suppress(StoreError), site.database.transaction(write=True) as connection:
                    note(connection, "rounds failed", message)

    thread = threading.Thread(target=look_after, name="rounds", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
        rounds.stop()


@contextmanager
def beside(setup: Setup, listening: socket.socket, proxy: str | None) -> Iterator[None]:
    """Runs the other processes, which answer browsers on the same socket during the block; replaces any that end."""
    context, ends = multiprocessing.get_context("spawn"), threading.Event()

    def new() -> SpawnProcess:
        process = context.Process(target=_serve_too, args=(setup, listening, proxy), daemon=True)
        process.start()
        return process

    processes = [new() for _ in range(setup.processes - 1)]

    def replace_those_that_ended() -> None:
        while not ends.wait(RESTART_EVERY):
            processes[:] = [process if process.is_alive() else new() for process in processes]

    thread = threading.Thread(target=replace_those_that_ended, name="beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _serve_too(setup: Setup, listening: socket.socket, proxy: str | None) -> None:
    prepare_process()
    end_with_parent(lambda: os._exit(1))  # at once, because a new process needs the port; acknowledged turns are stored
    site = setup.site(first=False)
    serve(site, new_server(site, proxy), listening)

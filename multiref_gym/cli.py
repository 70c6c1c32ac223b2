"""`multiref`, the console command: its subcommands are named here and imported when they are chosen.

Exit codes: 0, done; 1, a defect of the program, with its traceback; 2, bad input, with one line that says what and
where; 130, interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, metadata

from multiref_gym.errors import UserError


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand.

    Attributes:
        module: Entry point: the module with `add_arguments(parser)` and `run(args)`.
        summary: What it does, in one line.
        resumes: Whether the same command, given again after an interruption, goes on where it was.
    """

    module: str
    summary: str
    resumes: bool = False


COMMANDS = {
    "respect": Command(
        "multiref_gym.agents.commands.respect", "learn from implicit feedback, round after round", resumes=True
    ),
    "systems": Command(
        "multiref_gym.benchmarks.commands.systems", "compare six systems that learn, side by side", resumes=True
    ),
    "ppo": Command("multiref_gym.agents.commands.ppo", "learn by PPO from true or decoded reward"),
    "simulate": Command(
        "multiref_gym.agents.commands.simulate", "play games between a simulated speaker and a listener"
    ),
    "play": Command("multiref_gym.agents.commands.play", "play a game yourself, as the listener or as the speaker"),
    "benchmark": Command(
        "multiref_gym.benchmarks.commands.benchmark", "measure a listener on logged games, turn by turn"
    ),
    "leaderboard": Command(
        "multiref_gym.benchmarks.commands.leaderboard", "collect benchmarks of listeners into one table"
    ),
    "tangrams": Command("multiref_gym.commands.tangrams", "draw a contact sheet of tangrams"),
    "export": Command("multiref_gym.commands.export", "write the games of a store to a file or a Minari data set"),
    "import": Command("multiref_gym.commands.import_", "read the games of a file or a Minari data set into a store"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    Args:
        argv: The arguments after the program's name; those of the process if None.
    """
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="multiref",
        description="MULTIREF: a reference game whose speakers give implicit feedback, and learning from it.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items())
        + "\n\n'multiref COMMAND --help' tells the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"multiref-gym {metadata.version('multiref-gym')}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="the command's own options")
    chosen = parser.parse_args(argv)
    command = COMMANDS[chosen.command]

    module = import_module(command.module)
    command_parser = argparse.ArgumentParser(prog=f"multiref {chosen.command}", description=module.__doc__)
    module.add_arguments(command_parser)
    args = command_parser.parse_args(chosen.arguments)
    try:
        module.run(args)
    except (UserError, OSError) as error:
        return _complain(f"error: {error}", 2)
    except KeyboardInterrupt:
        return _complain("interrupted" + ("; the same command goes on from here" if command.resumes else ""), 130)
    return 0


def _complain(message: str, code: int) -> int:
    """Writes one line to stderr and returns the exit code."""
    sys.stderr.write(f"multiref: {' '.join(message.split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

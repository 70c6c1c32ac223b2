"""`multiref`, the console command. It lists its commands here and imports a command only when it is called.

Exit codes: 0, done; 1, a defect of the program, with its traceback; 2, bad input, with one line that says what and
where; 130, interrupted; 143, ended by SIGTERM.
"""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from multiref_gym.commands.process import keeping_answers, prepare_process, progress_beside
from multiref_gym.commands.screen import Screen, printable
from multiref_gym.errors import UserError


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        entry_point: `module:attribute` of a dataclass with the options as fields and `run(screen)`.
        summary: What it does, in one line.
        resumes: Whether the same command continues where it was after an interruption.
        all_threads: Whether torch uses all cores, so that the outcome depends on their number.
    """

    entry_point: str
    summary: str
    resumes: bool = False
    all_threads: bool = False


AGENTS, BENCHMARKS = "multiref_gym.agents", "multiref_gym.benchmarks"

COMMANDS = {
    "respect": Command(
        f"{AGENTS}.commands.respect:RespectCommand", "learn from implicit feedback, round after round", resumes=True
    ),
    "systems": Command(
        f"{BENCHMARKS}.systems:SystemsCommand", "compare six systems that learn, side by side", resumes=True
    ),
    "decode": Command(f"{AGENTS}.commands.decode:Decode", "decode feedback from replies, in logged games or chats"),
    "learn": Command(f"{AGENTS}.commands.learn:LearnCommand", "learn a policy from logged games", resumes=True),
    "ppo": Command(f"{AGENTS}.commands.ppo:PPOCommand", "learn by PPO from true or decoded reward"),
    "pretrain": Command(f"{AGENTS}.listeners.small.pretrain:Pretrain", "build a base of the small listener"),
    "train-decoder": Command(f"{AGENTS}.decoders.training:TrainDecoder", "train the learned decoder"),
    "tune-decoder": Command(f"{AGENTS}.decoders.tuning:TuneDecoder", "tune a decoder from a language model"),
    "simulate": Command(
        f"{AGENTS}.commands.simulate:Simulate", "play games between a simulated speaker and a listener"
    ),
    "play": Command(f"{AGENTS}.commands.play:Play", "play a game yourself, as the listener or as the speaker"),
    "serve": Command(
        f"{AGENTS}.commands.serve:ServeCommand", "let people play with a listener in a browser", resumes=True
    ),
    "serve-crowd": Command(f"{AGENTS}.commands.serve_crowd:ServeCrowd", "have simulated speakers play with a server"),
    "benchmark": Command(f"{BENCHMARKS}.benchmark:Benchmark", "measure a listener on logged games, turn by turn"),
    "leaderboard": Command(f"{BENCHMARKS}.leaderboard:Leaderboard", "collect benchmarks of listeners into one table"),
    "tangrams": Command("multiref_gym.commands.tangrams:TangramsCommand", "draw a contact sheet of tangrams"),
    "export": Command("multiref_gym.commands.export:Export", "write the games of a store to a file or a data set"),
    "import": Command("multiref_gym.commands.import_:Import", "read the games of a file or a data set into a store"),
    "bench decoders": Command(
        f"{BENCHMARKS}.decoders:Decoders", "how well a decoder understands, and how calibrated it is"
    ),
    "bench calibration": Command(
        f"{BENCHMARKS}.calibration:CalibrationBenchmark", "how much each step of a decoder's calibration helps"
    ),
    "bench likeness": Command(f"{BENCHMARKS}.likeness:Likeness", "how similar simulated games are to people's"),
    "bench unseen-people": Command(
        f"{BENCHMARKS}.unseen_people:UnseenPeople", "how similar they are to games of unseen people"
    ),
    "bench contexts": Command(f"{BENCHMARKS}.contexts:Contexts", "how easily the tangrams of a context are confused"),
    "bench rewards": Command(
        f"{BENCHMARKS}.rewards:Rewards", "how well PPO learns from decoded feedback", resumes=True
    ),
    "bench learning-curve": Command(
        f"{BENCHMARKS}.learning_curve:LearningCurve",
        "how well RESPECT learns, compared with its controls",
        resumes=True,
    ),
    "bench fixed-games": Command(f"{BENCHMARKS}.fixed_games:FixedGames", "how well policies play the same games"),
    "bench poisoning": Command(
        f"{BENCHMARKS}.questions.poisoning:PoisoningCommand",
        "how misleading speakers harm learning, and remedies",
        resumes=True,
    ),
    "bench often": Command(
        f"{BENCHMARKS}.questions.often:OftenCommand", "whether to learn after every few games", resumes=True
    ),
    "bench negatives": Command(
        f"{BENCHMARKS}.questions.negatives:NegativesCommand",
        "why negative feedback hardly helps, and remedies",
        resumes=True,
    ),
    "bench exploring": Command(
        f"{BENCHMARKS}.questions.exploring:ExploringCommand", "how much a deployed policy should explore", resumes=True
    ),
    "bench vlm-learning": Command(
        f"{BENCHMARKS}.vlm_learning:VlmLearning", "whether a tiny vision-language model learns", resumes=True
    ),
    "bench llm-learning": Command(
        f"{BENCHMARKS}.llm_learning:LlmLearning", "whether a language model that reads text learns", resumes=True
    ),
    "bench deployment": Command(f"{BENCHMARKS}.deployment:DeploymentBenchmark", "how much load a deployment can take"),
    "bench cluster": Command(f"{BENCHMARKS}.cluster:ClusterBenchmark", "how much a Ray cluster costs, with a plan"),
    "bench speed": Command(f"{BENCHMARKS}.speed:Speed", "how fast the environment is", all_threads=True),
    "bench gpu": Command(f"{BENCHMARKS}.gpu:Gpu", "how fast large models run on a GPU, in eight minutes"),
    "bench learning-speed": Command(f"{BENCHMARKS}.learning_speed:LearningSpeed", "how fast playing and learning are"),
    "bench vlm-speed": Command(
        f"{BENCHMARKS}.vlm_speed:VlmSpeed", "how fast a vision-language model plays and learns", all_threads=True
    ),
}
"""The commands by name; a command of a group has the group's name in front."""

GROUPS = {"bench": "answer one question with figures"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    Args:
        argv: The arguments after the program's name; those of the process if None.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # characters that the terminal lacks are shown by number
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_: f"multiref: warning: {_in_one_line(str(message))}\n"
    arguments = sys.argv[1:] if argv is None else list(argv)
    resumes, kept = False, list[Path]()
    try:
        app = new_app()
        chain, apps, rest = app.parse_commands(arguments)
        words = [word for word in chain if not word.startswith("-")]
        chosen = COMMANDS.get(" ".join(words))
        if chosen:
            resumes = chosen.resumes
            apps[len(words)].help = None  # so that the help is the command's own docstring
        elif rest:
            raise UserError(f"unknown command {' '.join([*words, rest[0]])!r}: 'multiref --help' lists the commands")
        command: Any = app(arguments, exit_on_error=False, print_error=False)
        if chosen is None or command is None:  # the help or the version was shown
            return 0 if len(chain) > len(words) else 2
        if not chosen.all_threads:
            prepare_process()
        # Calls of endpoints cost money, so their answers are kept beside the command's output.
        written = getattr(command, "out", None) or getattr(command, "json", None) or f"runs/{'-'.join(words)}"
        answers = Path(f"{written}.answers")
        kept = [answers, progress_beside(written)]
        with _ending_in_order(), Screen() as screen, keeping_answers(answers):
            command.run(screen)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _complain(f"error: {message}", 2)
    except (UserError, CycloptsError) as error:
        return _complain(f"error: {error}", 2)
    except (KeyboardInterrupt, Terminated) as end:
        message, code = ("interrupted", 130) if isinstance(end, KeyboardInterrupt) else ("ended by SIGTERM", 143)
        goes_on = resumes or any(path.is_file() for path in kept)
        return _complain(message + ("; the same command continues from here" if goes_on else ""), code)
    return 0


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Turns SIGTERM into `Terminated`, so that files and child processes are cleaned up as after Ctrl-C."""

    def terminate(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` and schedulers send it more than once
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # other threads cannot handle signals
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is terminate:  # otherwise the process is about to end
            signal.signal(signal.SIGTERM, before)


def new_app() -> App:
    """Returns the parser of all commands, none of which is imported yet."""
    shared: dict[str, Any] = {
        "version": f"multiref-gym {metadata.version('multiref-gym')}",
        "help_format": "markdown",
        "default_parameter": Parameter(negative=(), allow_repeating=True),  # no --no-x; of --x 1 --x 2, the last counts
        "result_action": "return_value",
        "suppress_keyboard_interrupt": False,
    }
    app = App(
        "multiref",
        help="MULTIREF: a reference game whose speakers give implicit feedback, and learning from it.\n\n"
        "'multiref COMMAND --help' lists the options of a command.",
        **shared,
    )
    groups = {name: App(name, help=summary, **shared) for name, summary in GROUPS.items()}
    for name, command in COMMANDS.items():
        group, _, last = name.rpartition(" ")
        groups.get(group, app).command(command.entry_point, name=last, help=command.summary)
    for group_app in groups.values():
        app.command(group_app)
    return app


def _complain(message: str, code: int) -> int:
    """Writes one line to stderr and returns the exit code."""
    sys.stderr.write(f"multiref: {_in_one_line(message)}\n")
    return code


def _in_one_line(text: str) -> str:
    return printable(" ".join(text.split()))


if __name__ == "__main__":
    sys.exit(main())

"""A database of interactions and the feedback decoded from them, by system and round.

A system is a deployed policy with its way of learning ("SUP", "CONTROL", "SEED"); it plays whole rounds. A round and
its feedback are written in one transaction, or one each, and never changed. So the store never holds half a round: if
the process is killed, exactly the rounds that were reported as written are there. Each round has a digest of its
content, so that a byte that changed on the disk raises an error instead of reading as another game.

The database is a SQLite file, or any other database that SQLAlchemy has a driver for (PostgreSQL), given by its URL.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
)

from multiref_gym.checking import storable
from multiref_gym.database import Database, StoreError
from multiref_gym.digests import digest
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import LETTERS, Action, Context
from multiref_gym.interaction import Interaction, Turn

SCHEMA_VERSION = 3
"""Version 1 was that of release 0.1; version 2 had no digests."""

_schema = MetaData()
_rounds = Table(
    "rounds",
    _schema,
    Column("id", Integer, primary_key=True),
    Column("system", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("digest", String, nullable=False),  # of these columns and of all its games
    UniqueConstraint("system", "round"),
)
_interactions = Table(
    "interactions",
    _schema,
    Column("id", Integer, primary_key=True),  # grows with every insertion, so it gives the order
    Column("round_id", ForeignKey(_rounds.c.id), nullable=False, index=True),
    Column("game_id", String, nullable=False, unique=True),
    Column("speaker", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("speaker_order", String, nullable=False),  # a list in JSON, like the next two
    Column("listener_order", String, nullable=False),
    Column("targets", String, nullable=False),
    Column("closing", String, nullable=False),
)
_turns = Table(
    "turns",
    _schema,
    Column("interaction_id", ForeignKey(_interactions.c.id), primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),  # counted from 0
    Column("utterance", String, nullable=False),
    Column("action", String, nullable=False),  # the canonical text, "" for the empty action
    Column("log_prob", Double),
)
# Games of one turn have no feedback, so a decoded round may have no values; this row shows that it was decoded.
_decodings = Table(
    "decodings",
    _schema,
    Column("id", Integer, primary_key=True),
    Column("round_id", ForeignKey(_rounds.c.id), nullable=False),
    Column("decoder", String, nullable=False),
    Column("digest", String, nullable=False),  # of the decoder, the round, and all values
    UniqueConstraint("round_id", "decoder"),
)
_feedback = Table(
    "feedback",
    _schema,
    Column("decoding_id", ForeignKey(_decodings.c.id), primary_key=True),
    Column("interaction_id", Integer, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
    ForeignKeyConstraint(["interaction_id", "turn"], [_turns.c.interaction_id, _turns.c.turn]),
    CheckConstraint("value IN (-1, 0, 1)"),
)
_GAME_FIELDS = [column.name for column in _interactions.c if column.name not in ("id", "round_id")]
_TURN_FIELDS = [column.name for column in _turns.c if column.name not in ("interaction_id", "turn")]


_Row = Mapping[Any, Any]
Query = TypeVar("Query", bound=Select[Any])


class InteractionStore:
    """The memory of a run: whole rounds of interactions and the feedback decoded from them.

    Several processes may write to one store at a time; they take turns. A store without write permission can still be
    read. A `with` statement closes it.

    Args:
        where: A path to a SQLite file, or a database URL such as `postgresql+psycopg://host/name`.
        create: Whether to create a missing store.

    Raises:
        StoreError: If the store is missing and `create` is False, or the database is not a store, is damaged, or was
            written by another version of this package.
    """

    def __init__(self, where: str | Path, *, create: bool = True) -> None:
        self._database = Database(where, _schema, SCHEMA_VERSION, "store of interactions", create=create)
        self._where, self._transaction = self._database.where, self._database.transaction
        try:
            if self._database.is_sqlite:  # other databases check themselves
                self._check_whole()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> InteractionStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._database.close()

    def add(
        self,
        interactions: Sequence[Interaction],
        system: str,
        feedback: Mapping[int, Sequence[Sequence[Feedback]]] | None = None,
        decoder: str = "",
    ) -> None:
        """Adds whole rounds of interactions, and optionally their feedback; adds everything or nothing.

        Args:
            interactions: The games that the system played, in order. The `round` of each says which round it belongs
                to.
            system: The system that played.
            feedback: A decoder's feedback on some of these rounds, by round number, each as in `add_feedback`.
            decoder: The decoder's name.

        Raises:
            StoreError: If a round of the system exists already, a game's id is taken, an action breaks the rules, a
                log-probability is not finite, a text is not `checking.storable`, or the feedback does not fit.
        """
        try:
            storable(system)
            for interaction in interactions:
                interaction.check()
        except UserError as error:
            raise StoreError(f"{self._where}, system {system!r}: {error}") from error
        rows = [_rows(interaction) for interaction in interactions]
        contents = defaultdict(list)
        for interaction, (game, turns) in zip(interactions, rows, strict=True):
            contents[int(interaction.round)].append(_content(game, turns))
        with self._transaction(write=True) as connection:
            rounds = {}
            for number, content in contents.items():
                if self._round_id(connection, system, number) is not None:
                    raise StoreError(f"{self._where}: round {number} of {system!r} exists already")
                hashed = digest([system, number, content])
                rounds[number] = _insert(connection, _rounds, system=system, round=number, digest=hashed)
            self._check_ids(connection, interactions)
            all_turns = []
            for interaction, (game, turns) in zip(interactions, rows, strict=True):
                game_key = _insert(connection, _interactions, round_id=rounds[interaction.round], **game)
                all_turns += [{"interaction_id": game_key, "turn": i, **turn} for i, turn in enumerate(turns)]
            if all_turns:
                connection.execute(insert(_turns), all_turns)
            for number, decoded in (feedback or {}).items():
                self._add_feedback(connection, system, number, decoder, decoded)

    def systems(self) -> list[str]:
        """Returns the systems that have played, in the order of their first rounds here."""
        query = select(_rounds.c.system).group_by(_rounds.c.system).order_by(func.min(_rounds.c.id))
        with self._transaction() as connection:
            return list(connection.scalars(query))

    def rounds(self, system: str) -> list[int]:
        """Returns the numbers of the rounds that a system has played, in order."""
        query = select(_rounds.c.round).where(_rounds.c.system == system).order_by(_rounds.c.round)
        with self._transaction() as connection:
            return list(connection.scalars(query))

    def contents(self) -> str:
        """Returns the rounds of each system as a text, for a message."""
        return ", ".join(f"{system!r} rounds {self.rounds(system)}" for system in self.systems()) or "none"

    def count(self, system: str | None = None, round: int | None = None) -> int:
        """Returns the number of interactions that `interactions(system, round)` returns."""
        query = _of(select(func.count()).select_from(_interactions.join(_rounds)), system, round)
        with self._transaction() as connection:
            return connection.scalar(query) or 0

    def decoders(self, system: str | None = None, round: int | None = None) -> list[str]:
        """Returns the names of the decoders with feedback on any of these rounds, in alphabetical order."""
        query = _of(select(_decodings.c.decoder).join(_rounds), system, round).distinct()
        with self._transaction() as connection:
            return sorted(connection.scalars(query))

    def has_round(self, system: str, round: int) -> bool:
        """Whether a system has played a round; stored rounds are always complete."""
        with self._transaction() as connection:
            return self._round_id(connection, system, round) is not None

    def interactions(self, system: str | None = None, round: int | None = None) -> list[Interaction]:
        """Returns the interactions of a system, of a round, of both, or all, in the order in which they were added.

        Raises:
            StoreError: If the stored data has changed since it was written.
        """
        rounds = _of(select(_rounds), system, round)
        games = select(_interactions, _rounds.c.round).select_from(_interactions.join(_rounds))
        turns = select(_turns).select_from(_turns.join(_interactions).join(_rounds))
        games = _of(games, system, round).order_by(_interactions.c.id)
        turns = _of(turns, system, round).order_by(_turns.c.interaction_id, _turns.c.turn)
        with self._transaction() as connection:
            turns_of, contents = defaultdict(list), defaultdict(list)
            for turn in connection.execute(turns).mappings():
                turns_of[turn["interaction_id"]].append(turn)
            played = connection.execute(games).mappings().all()
            for game in played:
                contents[game["round_id"]].append(_content(game, turns_of[game["id"]]))
            for row in connection.execute(rounds):
                if digest([row.system, row.round, contents[row.id]]) != row.digest:
                    raise StoreError(
                        f"{self._where}: damaged: round {row.round} of {row.system!r} has changed since it was written"
                    )
        return [_interaction(game, turns_of[game["id"]]) for game in played]

    def add_feedback(self, system: str, round: int, decoder: str, feedback: Sequence[Sequence[Feedback]]) -> None:
        """Adds a decoder's feedback on a round, everything or nothing.

        Args:
            system: The system that played the round.
            round: The round's number.
            decoder: The decoder's name.
            feedback: For each interaction of `interactions(system, round)`, in order, the feedback on each of its
                exchanges: one value fewer than it has turns.

        Raises:
            StoreError: If the round does not exist, already has this decoder's feedback, or has another number of
                interactions or exchanges.
        """
        with self._transaction(write=True) as connection:
            self._add_feedback(connection, system, round, decoder, feedback)

    def has_feedback(self, system: str, round: int, decoder: str) -> bool:
        """Whether a round has a decoder's feedback; stored feedback is always complete."""
        with self._transaction() as connection:
            round_id = self._round_id(connection, system, round)
            return round_id is not None and decoder in self._decoders(connection, round_id)

    def feedback(self, decoder: str, system: str | None = None, round: int | None = None) -> list[list[Feedback]]:
        """Returns a decoder's feedback on each exchange of each of `interactions(system, round)`, in their order.

        Raises:
            StoreError: If the decoder has not decoded every one of these rounds, or the feedback has changed since it
                was written.
        """
        its_own = (_decodings.c.round_id == _rounds.c.id) & (_decodings.c.decoder == decoder)
        rounds = select(_rounds.c.id, _rounds.c.system, _rounds.c.round, _decodings.c.digest)
        rounds = rounds.select_from(_rounds.outerjoin(_decodings, its_own))
        games = select(_interactions.c.id, _interactions.c.round_id).join(_rounds)
        values = select(_feedback).select_from(_feedback.join(_decodings).join(_rounds))
        rounds = _of(rounds, system, round).order_by(_rounds.c.id)
        games = _of(games, system, round).order_by(_interactions.c.id)
        values = _of(values, system, round).where(_decodings.c.decoder == decoder).order_by(_feedback.c.turn)
        with self._transaction() as connection:
            values_on, contents = defaultdict(list), defaultdict(list)
            for row in connection.execute(values):
                values_on[row.interaction_id].append(row.value)
            played = connection.execute(games).all()
            for game in played:
                contents[game.round_id].append(values_on[game.id])
            for row in connection.execute(rounds):
                if row.digest is None:
                    raise StoreError(f"{self._where}: {decoder!r} has not decoded round {row.round} of {row.system!r}")
                if digest([row.system, row.round, decoder, contents[row.id]]) != row.digest:
                    what = f"feedback of {decoder!r} on round {row.round} of {row.system!r}"
                    raise StoreError(f"{self._where}: damaged: {what} has changed since it was written")
        return [list(map(Feedback, values_on[game.id])) for game in played]

    def _add_feedback(
        self, connection: Connection, system: str, round: int, decoder: str, feedback: Sequence[Sequence[Feedback]]
    ) -> None:
        round_id = self._round_id(connection, system, round)
        if round_id is None:
            raise StoreError(f"{self._where}: there is no round {round} of {system!r}")
        if decoder in self._decoders(connection, round_id):
            raise StoreError(f"{self._where}: {decoder!r} has decoded round {round} of {system!r} already")
        played = connection.execute(
            select(_interactions.c.id, _interactions.c.game_id, func.count().label("turns"))
            .join(_turns)
            .where(_interactions.c.round_id == round_id)
            .group_by(_interactions.c.id, _interactions.c.game_id)
            .order_by(_interactions.c.id)
        ).all()
        if len(feedback) != len(played):
            raise StoreError(
                f"round {round} of {system!r} has {len(played)} interactions, got feedback on {len(feedback)}"
            )
        values = []
        for game, decoded in zip(played, feedback, strict=True):
            if len(decoded) != game.turns - 1:
                raise StoreError(
                    f"game {game.game_id!r} of {game.turns} turns has {game.turns - 1} exchanges, "
                    f"got feedback on {len(decoded)}"
                )
            for turn, value in enumerate(decoded):
                if value not in set(Feedback):
                    raise StoreError(f"game {game.game_id!r}, turn {turn}: feedback is -1, 0 or 1, got {value!r}")
                values.append({"interaction_id": game.id, "turn": turn, "value": int(value)})
        hashed = digest([system, int(round), decoder, [list(map(int, decoded)) for decoded in feedback]])
        decoding_id = _insert(connection, _decodings, round_id=round_id, decoder=decoder, digest=hashed)
        if values:
            connection.execute(insert(_feedback), [{"decoding_id": decoding_id, **value} for value in values])

    def _check_whole(self) -> None:
        """Raises StoreError if SQLite finds damage, or a row that no store writes; rounds are checked at reading."""
        with self._transaction() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if found != "ok":
                raise StoreError(f"{self._where}: damaged: {' '.join(str(found).split())}")
            for table, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                raise StoreError(f"{self._where}: damaged: rows of {table} refer to missing rows")
            for row in connection.execute(select(_rounds)):  # SQLite does not enforce column types
                if not isinstance(row.system, str) or not isinstance(row.round, int):
                    raise StoreError(f"{self._where}: damaged: a round {row.round!r} of {row.system!r}")

    def _check_ids(self, connection: Connection, interactions: Sequence[Interaction]) -> None:
        """Raises StoreError if a game's id occurs twice, among the new games or in the store."""
        counts = Counter(interaction.game_id for interaction in interactions)
        taken = set(connection.scalars(select(_interactions.c.game_id)))
        for game_id, count in counts.items():
            if count > 1:
                raise StoreError(f"{count} of the interactions to add have the id {game_id!r}")
            if game_id in taken:
                raise StoreError(f"{self._where}: a game {game_id!r} exists already")

    @staticmethod
    def _round_id(connection: Connection, system: str, round: int) -> int | None:
        query = select(_rounds.c.id).where(_rounds.c.system == system, _rounds.c.round == int(round))
        return connection.scalar(query)

    @staticmethod
    def _decoders(connection: Connection, round_id: int) -> list[str]:
        """Returns the names of the decoders that have decoded a round."""
        return list(connection.scalars(select(_decodings.c.decoder).where(_decodings.c.round_id == round_id)))


def _of(query: Query, system: str | None, round: int | None) -> Query:
    """Narrows a query over rounds to a system, a round, or both."""
    if system is not None:
        query = query.where(_rounds.c.system == system)
    if round is not None:
        query = query.where(_rounds.c.round == int(round))
    return query


def _insert(connection: Connection, table: Table, **values: Any) -> int:
    """Inserts a row and returns its id."""
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    assert key is not None, "every table here has a key"
    return int(key[0])


def _rows(interaction: Interaction) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Returns the row of a game and those of its turns, without their keys."""
    game = {
        "game_id": interaction.game_id,
        "speaker": interaction.speaker,
        "policy": interaction.policy,
        "speaker_order": json.dumps(interaction.context.speaker_order),
        "listener_order": json.dumps(interaction.context.listener_order),
        "targets": json.dumps(sorted(interaction.context.targets)),
        "closing": interaction.closing,
    }
    turns = [
        {
            "utterance": turn.utterance,
            "action": str(turn.action),
            "log_prob": None if turn.log_prob is None else float(turn.log_prob) + 0.0,  # SQLite has no -0.0
        }
        for turn in interaction.turns
    ]
    return game, turns


def _interaction(game: _Row, turns: Sequence[_Row]) -> Interaction:
    """Returns the game in rows that have passed the digest check."""
    speaker_order, listener_order, targets = (
        json.loads(game[name]) for name in ("speaker_order", "listener_order", "targets")
    )
    return Interaction(
        game_id=game["game_id"],
        context=Context(tuple(speaker_order), tuple(listener_order), frozenset(targets)),
        turns=tuple(
            Turn(
                turn["utterance"],
                Action.parse(turn["action"], len(LETTERS)) if turn["action"] else Action(),
                turn["log_prob"],
            )
            for turn in turns
        ),
        speaker=game["speaker"],
        policy=game["policy"],
        round=game["round"],
        closing=game["closing"],
    )


def _content(game: _Row, turns: Sequence[_Row]) -> list[Any]:
    """Returns the content of a game's rows, without their keys."""
    return [[game[name] for name in _GAME_FIELDS], [[turn[name] for name in _TURN_FIELDS] for turn in turns]]

"""Immich's database, read and never written: assets, files, tags, captions, people and vectors of many at once.

Short reads that commit by themselves: Immich's own ALTER and TRUNCATE wait for nobody of ours. Every reading
may raise TryAgain (away, busy, restarting) and PlaceClosed (wrong password, no right to read, a table that is
gone after a restore: the text says what a person does).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from metadata.errors import PlaceClosed, TryAgain
from metadata.immich import rows, vectors
from metadata.immich.door import KEPT, Door
from metadata.immich.shapes import Asset, Face, Look, Space, Tag
from metadata.immich.tables import MODEL, MODEL_VIEW, NEEDED, WANTED, Schema

if TYPE_CHECKING:
    from metadata.immich.vectors import Vectors

PAGE = 5000
"""Assets a reading, where all are read."""

AGAIN = "run what `tagwright immich grants` prints, as the database's owner, once more"

PATIENCE = 60.0
"""Seconds that the server has for a question."""
MORE = 5.0
"""Seconds that we wait beyond that for it to say that it gave up."""

_OPTIONS = (
    "-c default_transaction_read_only=on -c statement_timeout={:.0f} -c lock_timeout=5000 "
    "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC -c jit=off"
)


@dataclass(frozen=True, slots=True)
class Login:
    """How the database is reached."""

    host: str
    user: str
    password: str = field(repr=False, default="")
    port: int = 5432
    name: str = "immich"

    @property
    def place(self) -> bytes:
        """As errors name it."""
        return f"postgres://{self.user}@{self.host}:{self.port}/{self.name}".encode()


class Database:
    """One connection, opened when first asked and again when it broke; several threads take turns.

    What was broken off in the middle, by an error, a signal or a server that fell silent, leaves a connection
    of which nobody knows what it will say next: it is dropped, and the next question goes by a new one.
    """

    def __init__(self, login: Login, *, patience: float = PATIENCE) -> None:
        self.login, self._patience = login, patience
        self._lock = threading.RLock()
        self._ends = threading.Event()
        self._connection: Door | None = None
        self._schema: Schema | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection, once a question that is under way has its answer; see `abort`."""
        with self._lock:
            self._drop()

    def abort(self) -> None:
        """Ends what is under way, from another thread: it raises TryAgain there, as all that is asked later."""
        self._ends.set()

    @property
    def silent(self) -> float:
        """Seconds for which the server owes an answer; 0 where it owes none. Any thread may ask."""
        door = self._connection
        since = door.waiting if door is not None else None
        return 0.0 if since is None else time.monotonic() - since

    # What is there

    def schema(self) -> Schema:
        """The names of the live schema; looked at once a connection. Needs no grant."""
        with self._lock:
            if self._schema is None:
                found = self._rows(rows.COLUMNS, [[*NEEDED, *WANTED]])
                view = self._rows("SELECT to_regclass(%s) IS NOT NULL", [MODEL_VIEW])
                columns = {table: frozenset(names) for table, names in found}
                self._schema = Schema(columns, model_view=bool(view[0][0]))
            return self._schema

    def standing(self) -> rows.Standing:
        """What the role may do: what it cannot read and should, and whether it could write."""
        there = [(table, name) for table, names in self.schema().readable() for name in names]
        tables, names = [table for table, _ in there], [name for _, name in there]
        unreadable = self._rows(rows.UNREADABLE, [tables, names])
        writes = self._rows(rows.WRITES, [tables])[0][0]
        return rows.Standing(tuple(f"{table}.{name}" for table, name in unreadable), writes=bool(writes))

    # Assets

    def assets(self, ids: Sequence[str]) -> dict[str, Asset]:
        """These assets by id, with tags and registered sidecar, whatever their visibility and status."""
        return {asset.id: asset for asset in self._assets(sql.SQL("a.id = ANY(%s::uuid[])"), [list(ids)])}

    def at(self, paths: Sequence[str]) -> list[Asset]:
        """The assets whose originals have these container paths (indexed)."""
        return self._assets(sql.SQL('a."originalPath" = ANY(%s::varchar[])'), [list(paths)])

    def of_sidecars(self, paths: Sequence[str]) -> dict[str, str]:
        """Asset ids by the container path of their registered sidecar."""
        found = self._rows(rows.OF_SIDECARS, [list(paths)])
        return dict(found)

    def every(self, owners: Sequence[str], *, page: int = PAGE) -> Iterator[Asset]:
        """All assets of these users, of every visibility and status, in the order of their ids."""
        last = "00000000-0000-0000-0000-000000000000"
        where = sql.SQL('a."ownerId" = ANY(%s::uuid[]) AND a.id > %s::uuid')
        while found := self._assets(where, [list(owners), last], "a.id", page):
            yield from found
            last = found[-1].id

    def changed(self, after: str, *, most: int = PAGE) -> list[Asset]:
        """Assets changed after the change `after` ("" for all), oldest first; go on from the last one."""
        last = after or "00000000-0000-0000-0000-000000000000"
        return self._assets(sql.SQL('a."updateId" > %s::uuid'), [last], 'a."updateId"', most)

    def ids(self, owners: Collection[str]) -> set[str]:
        """The ids of all assets of these users, of every visibility and status."""
        return {row[0] for row in self._rows(rows.IDS, [list(owners)])}

    def count(self, owners: Collection[str]) -> int:
        """How many assets these users have, of every visibility and status."""
        return int(self._rows(rows.COUNT, [list(owners)])[0][0])

    def looks(self, ids: Sequence[str]) -> dict[str, Look]:
        """What stands for these assets right now, and what is under way: see `settled`."""
        with self._lock:
            found = self._rows(rows.LOOKS, [list(ids)])
            named = self._named({tag for row in found for tag in row[rows.LOOK_TAG_IDS]})
        return {row[0]: rows.look(row, named) for row in found}

    # Tags

    def tags(self, owner: str) -> list[Tag]:
        """All tags of a user."""
        return [Tag(*row) for row in self._rows(rows.TAGS, [owner])]

    def unused(self, tag_ids: Sequence[str]) -> frozenset[str]:
        """Those without a tag below them and without any asset, hidden, locked and trashed ones counted."""
        return frozenset(row[0] for row in self._rows(rows.UNUSED, [list(tag_ids)]))

    # People and vectors

    def faces(self, ids: Sequence[str]) -> dict[str, list[Face]]:
        """The faces of these assets that a person sees, by asset; people that are hidden are marked."""
        visible = sql.SQL('AND f."isVisible"') if self.schema().has("asset_face", "isVisible") else sql.SQL("")
        found: dict[str, list[Face]] = {}
        for row in self._rows(sql.SQL(rows.FACES).format(visible=visible), [list(ids)]):
            found.setdefault(row[0], []).append(rows.face(row))
        return found

    def face_marks(self, owners: Sequence[str]) -> dict[str, str]:
        """A digest of all named faces of each asset that has some; another one says that something changed."""
        visible = sql.SQL('AND f."isVisible"') if self.schema().has("asset_face", "isVisible") else sql.SQL("")
        return dict(self._rows(sql.SQL(rows.FACE_MARKS).format(visible=visible), [list(owners)]))

    def space(self, *, model: str = "") -> Space:
        """The model, dimension and number of vectors. `model` is what the person says where we may not see it."""
        if not self.schema().has("smart_search", "embedding"):
            return Space(model, 0)
        dim, count = self._rows(rows.SPACE, [])[0]
        seen = self._rows(MODEL, []) if self.schema().model_view else []
        return Space(model or (seen[0][0] if seen else ""), int(dim or 0), int(count))

    def vectors(self, owners: Sequence[str] | None = None, *, ids: Sequence[str] | None = None) -> Vectors:
        """Vectors of visible photos of these users, or of these ids, or of all; by binary COPY.

        An asset without one has not been embedded yet. Look at `space` before and after: a model that was
        changed takes all away at once.
        """
        with self._reading() as connection:
            return vectors.read(connection, owners, ids)

    # How it is asked

    def _assets(
        self, where: sql.Composable, values: list[Any], order: str = "a.id", most: int | None = None
    ) -> list[Asset]:
        edited = sql.SQL('AND NOT f."isEdited"') if self.schema().has("asset_file", "isEdited") else sql.SQL("")
        limit = sql.SQL("LIMIT {}").format(most) if most else sql.SQL("")
        query = sql.SQL(rows.ASSETS).format(where=where, edited=edited, order=sql.SQL(order), limit=limit)
        with self._lock:
            found = self._rows(query, values)
            named = self._named({tag for row in found for tag in row[rows.TAG_IDS]})
        return [rows.asset(row, named) for row in found]

    def _named(self, ids: set[str]) -> dict[str, Tag]:
        return {row[0]: Tag(*row) for row in self._rows(rows.TAGS_BY_ID, [list(ids)])} if ids else {}

    def _rows(self, query: str | sql.Composed, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reading() as connection, connection.cursor(binary=True) as cursor:
            return list(cursor.execute(query, values).fetchall())

    @contextmanager
    def _reading(self) -> Iterator[Door]:
        """A connection that works; errors of Postgres become ours."""
        with self._lock:
            try:
                yield self._connected()
            except psycopg.Error as error:
                if isinstance(error, errors.ProgrammingError):
                    self._schema = None  # what is there may have changed
                raise self._told(error) from error
            finally:
                if not _rests(self._connection):
                    self._drop()

    def _connected(self) -> Door:
        if self._ends.is_set():
            raise TryAgain(self.login.place, "tagwright is ending")
        if self._connection is None or not _rests(self._connection):
            self._drop()
            login = self.login
            self._connection = Door.connect(
                host=login.host,
                port=login.port,
                user=login.user,
                password=login.password,
                dbname=login.name,
                autocommit=True,
                connect_timeout=max(2, min(10, int(self._patience))),
                options=_OPTIONS.format(1000 * self._patience),
                application_name="tagwright",
                **KEPT,
            )
            self._connection.patience, self._connection.ends = self._patience + MORE, self._ends
        return self._connection

    def _drop(self) -> None:
        self._schema = None
        door, self._connection = self._connection, None
        if door is not None:
            with suppress(psycopg.Error):
                door.close()

    def _told(self, error: psycopg.Error) -> PlaceClosed | TryAgain:
        said = str(error).strip().partition("\n")[0]
        if isinstance(error, errors.InsufficientPrivilege):
            return PlaceClosed(self.login.place, f"{said}; {AGAIN}")
        if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName):
            return PlaceClosed(self.login.place, f"{said}; after an update or a restore of Immich {AGAIN}")
        if "too many c" in said:  # connections or clients: others will leave
            return TryAgain(self.login.place, said)
        if any(text in said for text in _WRONG):
            return PlaceClosed(self.login.place, f"{said}; see the settings `immich.database`")
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return TryAgain(self.login.place, said)
        return PlaceClosed(self.login.place, said)


def _rests(door: Door | None) -> bool:
    """Whether no question is under way by it, as between two readings."""
    return door is None or (not door.closed and door.info.transaction_status == TransactionStatus.IDLE)


_WRONG = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    'role "',
    'database "',
)
"""What Postgres says at the door when a person has to change something; a refused login has no code to go by."""

"""What the stand-in remembers: one SQLite file. What was answered with 2xx is in it, whatever happens next.

SQLAlchemy maps rows to typed classes; each service declares its own in its `models.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from sqlalchemy import JSON, Connection, StaticPool, create_engine, event, inspect, text
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Session
from sqlalchemy.schema import CreateColumn

from base.errors import SandboxError

SCHEMA = 3
"""Counts the changes that new tables and columns can't tell: a file of another schema is refused, never guessed at."""


class Row(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """A row of some service. Times are whole milliseconds since 1970."""

    type_annotation_map = {list[str]: JSON, dict[str, object]: JSON}  # noqa: RUF012 (SQLAlchemy's own form)


class Store:
    """The database; `path` None keeps it in memory, for tests.

    There is one connection, and one transaction at a time: the event loop's, which never waits inside one, so requests
    are serial and a rule that reads and then writes can't be overtaken; or that of a test, in a thread of its own.
    """

    def __init__(self, path: Path | None) -> None:
        self._engine = create_engine(
            f"sqlite:///{path}" if path else "sqlite://",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
        )
        self._one_at_a_time = threading.Lock()
        event.listen(self._engine, "connect", _prepare)
        self._create(path)

    def _create(self, path: Path | None) -> None:
        with self._engine.begin() as connection:
            found = connection.execute(text("PRAGMA user_version")).scalar_one()
            if found not in (0, SCHEMA):
                raise SandboxError(
                    f"{path} was written by another version of the stand-in (schema {found}, not {SCHEMA}).",
                    "make reset   removes the sandbox's data; alone: give the stand-in another --data",
                )
            if inspect(connection).get_table_names():
                Row.metadata.create_all(connection)
                _add_columns(connection)
            else:  # nothing to look for: a quarter of what a test's fresh cloud takes
                Row.metadata.create_all(connection, checkfirst=False)
            connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Give one transaction: committed, and on disk, when the block ends; undone when it raises."""
        with self._one_at_a_time, Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @staticmethod
    def clear(session: Session) -> None:
        """Remove all rows."""
        for table in reversed(Row.metadata.sorted_tables):
            session.execute(table.delete())

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _add_columns(connection: Connection) -> None:
    """Give the tables of an earlier version the columns that came since; each has a default for the rows there."""
    held = inspect(connection)
    for table in Row.metadata.sorted_tables:
        names = {column["name"] for column in held.get_columns(table.name)}
        for column in table.columns:
            if column.name not in names:
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {CreateColumn(column)}"))


def _prepare(connection: SqliteConnection, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()

"""What the stand-in remembers: one SQLite file. What was answered with 2xx is in it, whatever happens next.

Each service declares the tables of its own, as subclasses of `Row`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from base.errors import SandboxError
from sandbox.cloud.core.rows import Row, columns, declared, key_of, keyed, readers, stored, tables

SCHEMA = 3
"""Counts the changes that new tables and columns can't tell: a file of another schema is refused, never guessed at."""

R = TypeVar("R", bound=Row)
Value: TypeAlias = Any
"""What a column is compared with: a text, a number, a flag, None, or a collection of them."""

_Key = tuple[type[Row], tuple[object, ...]]


class Session:
    """One transaction. A row that it returns or was given, and that changes until it ends, is stored with its changes.

    Conditions are columns and their values: None for NULL, a collection for any of its items. `where` is a further
    one in SQL, with its values. Rows come in the order in which they were stored, unless `order` says another.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._new: list[Row] = []
        self._held: dict[_Key, tuple[Row, tuple[object, ...]]] = {}

    def add(self, *rows: Row) -> None:
        """Store new rows; those that the session has already stay as they are."""
        for row in rows:
            held = self._held.get((type(row), key_of(row)))
            if (held is None or held[0] is not row) and not any(row is each for each in self._new):
                self._new.append(row)

    def replace(self, row: Row) -> None:
        """Store a row, instead of the one that has its key."""
        self.flush()
        self._insert(row, "INSERT OR REPLACE")

    def delete(self, row: Row) -> None:
        """Remove a row."""
        self.forget(type(row), **keyed(type(row), key_of(row)))
        self._held.pop((type(row), key_of(row)), None)

    def forget(self, table: type[Row], where: str = "", /, *values: object, **equal: Value) -> None:
        """Remove the rows of a table for which this holds."""
        condition, given = _condition(where, values, equal)
        self.query(f"DELETE FROM {table.table}{condition}", *given)  # noqa: S608

    def clear(self) -> None:
        """Remove all rows of all tables."""
        for table in tables():
            self.forget(table)
        self._held.clear()

    def get(self, table: type[R], *key: object) -> R | None:
        """Return the row with this key."""
        return self.first(table, **keyed(table, key))

    def first(
        self, table: type[R], where: str = "", /, *values: object, order: str = "rowid", **equal: Value
    ) -> R | None:
        """Return the first row for which this holds."""
        found = self.all(table, where, *values, order=f"{order} LIMIT 1", **equal)
        return found[0] if found else None

    def one(self, table: type[R], **equal: Value) -> R:
        """Return the row that is known to be there."""
        (found,) = self.all(table, **equal)
        return found

    def all(self, table: type[R], where: str = "", /, *values: object, order: str = "rowid", **equal: Value) -> list[R]:
        """Return the rows for which this holds."""
        condition, given = _condition(where, values, equal)
        names = ", ".join(columns(table))
        found = self.query(f"SELECT {names} FROM {table.table}{condition} ORDER BY {order}", *given)  # noqa: S608
        return [self._read(table, each) for each in found]

    def count(self, table: type[Row], where: str = "", /, *values: object, **equal: Value) -> int:
        """Return the number of rows for which this holds."""
        condition, given = _condition(where, values, equal)
        return int(self.query(f"SELECT COUNT(*) FROM {table.table}{condition}", *given)[0][0])  # noqa: S608

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement on all that was stored so far, and return its rows as they are."""
        self.flush()
        return self._connection.execute(sql, cast("tuple[Any, ...]", values)).fetchall()

    def flush(self) -> None:
        """Bring the file up to date with the rows."""
        new, self._new = self._new, []
        for row in new:
            self._insert(row, "INSERT")
        for row, earlier in self._held.values():
            if msgspec.structs.astuple(row) != earlier:
                self._update(row)

    def _insert(self, row: Row, verb: str) -> None:
        names = ", ".join(columns(type(row)))
        marks = ", ".join("?" * len(row.__struct_fields__))
        made = self._connection.execute(f"{verb} INTO {row.table} ({names}) VALUES ({marks})", stored(row))
        if key_of(row) == (None,):
            setattr(row, row.key[0], made.lastrowid)
        self._hold(row)

    def _update(self, row: Row) -> None:
        names = ", ".join(f"{name} = ?" for name in columns(type(row)))
        condition, key = _condition("", (), keyed(type(row), key_of(row)))
        self._connection.execute(f"UPDATE {row.table} SET {names}{condition}", (*stored(row), *key))  # noqa: S608
        self._hold(row)

    def _hold(self, row: Row) -> None:
        self._held[type(row), key_of(row)] = (row, msgspec.structs.astuple(row))

    def _read(self, table: type[R], values: tuple[Any, ...]) -> R:
        told = zip(table.__struct_fields__, readers(table), values, strict=True)
        row = table(**{name: value if read is None else read(value) for name, read, value in told})
        held = self._held.get((table, key_of(row)))
        if held is not None:
            return cast("R", held[0])
        self._hold(row)
        return row


class Store:
    """The database; `path` None keeps it in memory, for tests.

    There is one connection, and one transaction at a time: the event loop's, which never waits inside one, so requests
    are serial and a rule that reads and then writes can't be overtaken; or that of a test, in a thread of its own.
    """

    def __init__(self, path: Path | None) -> None:
        self._one_at_a_time = threading.Lock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.DatabaseError as error:
            raise SandboxError(
                f"{path} can't be used as the stand-in's database: {error}.",
                "make reset   removes the sandbox's data; alone: give the stand-in another --data",
            ) from error
        with self.transaction() as session:
            found = session.query("PRAGMA user_version")[0][0]
            if found not in (0, SCHEMA):
                raise SandboxError(
                    f"{path} was written by another version of the stand-in (schema {found}, not {SCHEMA}).",
                    "make reset   removes the sandbox's data; alone: give the stand-in another --data",
                )
            _create(session)

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Give one transaction: committed, and on disk, when the block ends; undone when it raises."""
        with self._one_at_a_time:
            self._connection.execute("BEGIN")
            try:
                session = Session(self._connection)
                yield session
                session.flush()
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _create(session: Session) -> None:
    """Make the tables that aren't there, and the columns that came since an earlier version made theirs."""
    listed = "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns"
    held = set(session.query(listed))
    for table in tables():
        name = table.table
        kinds = columns(table)
        if not any(each == name for each, _ in held):
            rules = (f"PRIMARY KEY ({', '.join(table.key)})", *(f"UNIQUE ({column})" for column in table.unique))
            session.query(f"CREATE TABLE {name} ({', '.join((*map(' '.join, kinds.items()), *rules))})")
            for column in table.indexes:
                session.query(f"CREATE INDEX ix_{name}_{column} ON {name} ({column})")
            continue
        for column, kind in kinds.items():
            if (name, column) not in held:
                session.query(f"ALTER TABLE {name} ADD COLUMN {declared(table, column, kind)}")
    session.query(f"PRAGMA user_version = {SCHEMA}")


def _condition(where: str, values: Sequence[object], equal: Mapping[str, Any]) -> tuple[str, list[object]]:
    parts, given = [f"({where})"] if where else [], [*values]
    for name, value in equal.items():
        if isinstance(value, (list, tuple, set, frozenset)):
            items = cast("Collection[object]", value)
            parts.append(f"{name} IN ({', '.join('?' * len(items))})")
            given += items
        else:
            parts.append(f"{name} IS ?")
            given.append(value)
    return f" WHERE {' AND '.join(parts)}" if parts else "", given

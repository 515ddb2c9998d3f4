"""Statements of the click path, built with SQLAlchemy and run without it.

SQLAlchemy needs ten times as long to hand a statement to SQLite as SQLite needs to run it
(docs/performance.md). The few statements that every approval runs are therefore compiled once per
dialect and given to the driver as they are. They are ordinary Core statements, values pass
through the very conversions that SQLAlchemy would apply, and rows come back as plain tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]
_Parameters = Mapping[str, object]


class Prepared:
    """One statement whose parameters are all ``bindparam`` or the columns of an ``insert``.

    Runs in the connection's transaction, and begins one where there is none, as SQLAlchemy does.
    What has to be computed for each call is refused: values on update that Python gives, ``IN``
    with a list, ``RETURNING``. An insert takes every column of its table; none has a default.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._plans: WeakKeyDictionary[Dialect, _Plan] = WeakKeyDictionary()

    def rows(self, connection: Connection, parameters: _Parameters) -> list[Row]:
        """Return all rows, each with its values in the order of the statement's columns.

        Raises:
            KeyError: a parameter is missing.
            DBAPIError: the subclass that `Connection.execute` would raise.
        """
        plan, cursor = self._run(connection, parameters)
        try:
            found: list[Row] = cursor.fetchall()
        finally:
            cursor.close()
        if plan.from_row:
            return [plan.converted(row) for row in found]
        return found

    def row(self, connection: Connection, parameters: _Parameters) -> Row | None:
        """Return the one row there is, or None; errors as `rows`."""
        found = self.rows(connection, parameters)
        assert len(found) <= 1, "more rows than one"
        return found[0] if found else None

    def run(self, connection: Connection, parameters: _Parameters) -> int:
        """Change rows and return how many they were; errors as `rows`."""
        _, cursor = self._run(connection, parameters)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def _run(self, connection: Connection, parameters: _Parameters) -> tuple[_Plan, Any]:
        plan = self._plans.get(connection.dialect)
        if plan is None:
            plan = self._plans[connection.dialect] = _plan(self._statement, connection.dialect)
        if not connection.in_transaction():
            connection.begin()
        cursor = connection.connection.cursor()
        values = plan.values(parameters)
        try:
            cursor.execute(plan.sql, values)
        except plan.driver_error as error:
            cursor.close()
            # Without the parameters: a secret may be among them.
            raise DBAPIError.instance(
                plan.sql,
                None,
                error,
                plan.driver_error,
                hide_parameters=True,
                dialect=connection.dialect,
            ) from error
        return plan, cursor


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement as one dialect runs it.

    Attributes:
        names: The parameters, in the order of their places.
        fixed: Values that the statement itself brings, such as a limit, as the driver takes them.
        to_driver: How a parameter becomes what the driver takes, for those that need it.
        from_row: How a column becomes what it means, by its place, for those that need it.
        is_positional: Whether the driver takes a sequence rather than a mapping.
    """

    sql: str
    names: tuple[str, ...]
    fixed: Mapping[str, object]
    to_driver: Mapping[str, _Convert]
    from_row: Sequence[tuple[int, _Convert]]
    is_positional: bool
    driver_error: type[Exception]

    def values(self, parameters: _Parameters) -> Sequence[object] | Mapping[str, object]:
        given = {**self.fixed, **parameters}
        for name, convert in self.to_driver.items():
            given[name] = convert(given[name])
        if self.is_positional:
            return [given[name] for name in self.names]
        return {name: given[name] for name in self.names}

    def converted(self, row: Row) -> Row:
        values = list(row)
        for place, convert in self.from_row:
            values[place] = convert(values[place])
        return tuple(values)


def _plan(statement: Select[Any] | Insert | Update | Delete, dialect: Dialect) -> _Plan:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    computed = compiled.update_prefetch or compiled.post_compile_params
    assert not computed, "something is to be computed for each call"
    assert not compiled.effective_returning, "RETURNING has no place here"
    converts = {
        name: _on(dialect, bind.type).bind_processor(dialect)
        for bind, name in compiled.bind_names.items()
    }
    fixed = {name: bind.value for bind, name in compiled.bind_names.items() if not bind.required}
    returned = statement.selected_columns if isinstance(statement, Select) else ()
    assert dialect.loaded_dbapi is not None
    return _Plan(
        sql=compiled.string,
        names=tuple(compiled.positiontup or converts),
        fixed={
            name: convert(value) if (convert := converts[name]) else value
            for name, value in fixed.items()
        },
        to_driver={
            name: convert for name, convert in converts.items() if convert and name not in fixed
        },
        from_row=[
            (place, convert)
            for place, column in enumerate(returned)
            if (convert := _on(dialect, column.type).result_processor(dialect, None))
        ],
        is_positional=bool(compiled.positional),
        driver_error=dialect.loaded_dbapi.Error,
    )


def _on(dialect: Dialect, kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)

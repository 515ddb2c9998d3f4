"""What the tests of lists of payments share."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from connectors.money import Money
from workflows import payment_files
from workflows.payment_files import Row, read
from workflows.refusal import Refusal

IBAN = "DE89370400440532013000"

amounts = st.builds(
    Money,
    st.integers(1, 10**13) | st.integers(1, 100_000),
    st.sampled_from(["EUR", "JPY", "KWD", "CNY"]),
)
names = st.text(st.sampled_from("ABCäöüß上海公司 ,;'\"&"), min_size=1, max_size=20).filter(
    str.strip
)


def told(row: Row) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.field) for problem in row.problems]


def refused(name: str, content: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(name, content)
    return caught.value


def outcome(name: str, content: bytes) -> None:
    """Read; whatever comes out, it is rows or a refusal of ours."""
    try:
        found = read(name, content)
    except Refusal as refusal:
        assert refusal.code.startswith("list.")  # noqa: PT017
    else:
        assert 0 < len(found.rows) <= payment_files.MOST_ROWS
        for row in found.rows:
            assert (row.amount is None) <= bool(row.problems)
            assert row.amount is None or row.amount.minor > 0

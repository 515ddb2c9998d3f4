"""The canonical form is the library's, whichever way it was made."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from workflows import canonical

_names = st.text(max_size=4) | st.sampled_from(["a", "B", "é", "\ud800", "\uffff", "\U00010000"])
_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 2, 2**53 + 1)
    | st.floats()
    | _names,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(_names, inner, max_size=4)
    ),
    max_leaves=12,
)


def _outcome(dumps: Any, value: Any) -> bytes | type[Exception]:
    try:
        found: bytes = dumps(value)
    except rfc8785.CanonicalizationError as error:
        return type(error)
    except UnicodeEncodeError as error:  # the library's own, for a name
        return type(error)
    return found


@given(_values)
@example({"\uffff": 1, "\U00010000": 2})
@example({"a": "\x00\x1f\x7f\u2028</\"\\'\b\f\n\r\t", "": [], "b": {}})
@example([2**53 - 1, 1 - 2**53, True, 1.0, 1e21, -0.0])
@example([2**53])
@example(["\ud800"])
def test_the_form_is_the_librarys(value: Any) -> None:
    assert _outcome(canonical.dumps, value) == _outcome(rfc8785.dumps, value)


def test_what_is_no_json_is_refused() -> None:
    for value in ({1: "a"}, {"a": b"x"}, [float("nan")], {"a": 2**53}):
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical.dumps(value)

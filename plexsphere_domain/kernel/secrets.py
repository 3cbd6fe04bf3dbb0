"""Secrets that do not leak by accident: no representation, no formatting and no pickling shows them."""

from hmac import compare_digest
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T", str, bytes)


class _Secret(Generic[T]):
    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """The plaintext. Every call of it is a place where a secret leaves its wrapping: keep them few."""
        return self._value

    def matches(self, other: "_Secret[T]") -> bool:
        """Equality in constant time."""
        return compare_digest(_as_bytes(self._value), _as_bytes(other._value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.matches(other)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __bool__(self) -> bool:
        return bool(self._value)


class SecretBytes(_Secret[bytes]):
    """Key material."""


class SecretStr(_Secret[str]):
    """A password, a token, a DSN that carries one."""


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value

"""Answers taken for what they are: something from outside that may be anything.

A client reads what a provider documents. Whatever else comes is `ProviderGarbled`, so that an effect which may have
happened is looked for, instead of being taken for a crash of ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from libs.providers.errors import ProviderGarbled

_FALLS = (AttributeError, LookupError, TypeError, ValueError, OverflowError)


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Around code that does nothing but take an answer apart; also as a decorator. Raises ProviderGarbled."""
    try:
        yield
    except _FALLS as error:
        raise ProviderGarbled(f"{label} sent something that cannot be read.") from error


def record(label: str, content: object) -> dict[str, Any]:
    """One JSON object. Raises ProviderGarbled."""
    if not isinstance(content, dict):
        raise ProviderGarbled(f"{label} sent something that cannot be read.")
    return content


def records(label: str, content: object) -> list[dict[str, Any]]:
    """A list of JSON objects. Raises ProviderGarbled."""
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise ProviderGarbled(f"{label} sent no list where one was asked for.")
    return content

"""Addresses of a provider's folder that an operator calls with a password, by curl or in a browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, kw_only=True)
class OperatorCall:
    """A call whose password was right: `method` is GET or POST, `parameters` come from the query or a form."""

    method: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class OperatorAnswer:
    """A JSON answer."""

    content: Mapping[str, Any]
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperatorPage:
    """`path` has no slashes around it; `password` names the setting without which the page does not exist.

    `answer` may raise Retryable or Permanent, which become an answer that says what failed, and ValueError for a
    parameter that makes no sense. Its result and their messages hold no secret: they are shown as they are.

    `about`, `parameters` (each with what it says) and `example`, an answer, are for /docs.
    """

    name: str
    path: str
    password: str
    answer: Callable[[OperatorCall], OperatorAnswer]
    about: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)

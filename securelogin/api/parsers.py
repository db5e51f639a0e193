"""Strict JSON: small, shallow, and nothing in it that a database or a log would choke on."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

MAX_BODY = 16 * 1024
MAX_DEPTH = 20


class RequestTooLarge(ParseError):
    """The body has more than 16 KB."""

    status_code = 413


class StrictJSONParser(BaseParser):
    """Reads JSON (RFC 8259, UTF-8) of at most 16 KB and 20 levels without NaN, NUL or lone surrogates."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value. Raises ``RequestTooLarge`` before reading on, ``ParseError`` for the rest."""
        try:
            raw = stream.read(MAX_BODY + 1)
        except UnreadablePostError as error:  # the client went away
            raise ParseError from error
        if len(raw) > MAX_BODY:
            raise RequestTooLarge
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ParseError from error
        _check(value)
        return value


class JSONOnly(BaseContentNegotiation):
    """Answer JSON whatever ``Accept`` says, errors included."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        """Take the JSON parser for JSON, with any parameters, and none for anything else."""
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: HttpRequest | Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Take the one renderer there is."""
        return renderers[0], renderers[0].media_type


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _check(value: Any) -> None:
    """Walk the levels, each at once: no recursion to run out of."""
    level = [value]
    for _depth in range(MAX_DEPTH + 1):
        if not all(_is_plain(item) for item in level):
            raise ParseError
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return
        level = [each for item in containers for each in _members(item)]
    raise ParseError


def _members(container: dict[str, Any] | list[Any]) -> list[Any]:
    return container if isinstance(container, list) else [*container.keys(), *container.values()]


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What no database or no encoding takes: NUL, and half of a surrogate pair."""


def _is_plain(item: Any) -> bool:
    if isinstance(item, str):
        return _UNSTORABLE.search(item) is None
    return not isinstance(item, float) or math.isfinite(item)

"""Where a project's router may send what is asked of its databases."""

from __future__ import annotations

from typing import Any


class Replica:
    """Sends every read to a replica, which is wherever a test puts it."""

    def db_for_read(self, model: type[Any], **_hints: object) -> str:
        """Name the replica."""
        return "replica"

    def db_for_write(self, model: type[Any], **_hints: object) -> str:
        """Name the one database."""
        return "default"

    def allow_relation(self, *_objects: object, **_hints: object) -> bool:
        """Let rows of both point at each other."""
        return True


REPLICA = f"{__name__}.{Replica.__name__}"

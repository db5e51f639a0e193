"""The OpenAPI document of the API, read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One answer of one operation: its headers by name, and the schemas of the bodies that it may have."""

    operation: str
    status: int
    headers: dict[str, Any]
    bodies: list[dict[str, Any]]


class Contract:
    """The document, with its references followed."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = json.loads(PATH.read_text())

    def operations(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return each operation by method and path."""
        paths = self.document["paths"]
        return {(method, path): item for path, methods in paths.items() for method, item in methods.items()}

    def answers(self) -> Iterator[Answer]:
        """Yield every answer of every operation."""
        for operation in self.operations().values():
            for status, given in operation["responses"].items():
                answer = self.follow(given)
                schema = answer.get("content", {}).get(JSON, {}).get("schema")
                headers = {name: self.follow(header) for name, header in answer["headers"].items()}
                yield Answer(operation["operationId"], int(status), headers, self.branches(schema) if schema else [])

    def branches(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what a schema's ``anyOf`` offers, or the schema alone."""
        found = self.follow(schema)
        return [self.follow(each) for each in found["anyOf"]] if "anyOf" in found else [found]

    def schema(self, name: str) -> dict[str, Any]:
        """Return a schema by its name."""
        found: dict[str, Any] = self.document["components"]["schemas"][name]
        return found

    def follow(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return what a reference refers to, and anything else as it is."""
        if "$ref" not in value:
            return value
        found: Any = self.document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return self.follow(found)

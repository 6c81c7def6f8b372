"""JSON that people write."""

import json
from collections.abc import Callable
from typing import Any


def parsed_json(text: str | bytes, parse_int: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text, as of ``json.loads``, which would drop all but the last of equal keys.

    Raises:
        ValueError: it is no JSON, or an object has a key twice; says which.
        RecursionError: it nests too deeply.
    """
    return json.loads(text, parse_int=parse_int, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key[:60]!r} stands twice in one object, so leave one of the two out")
        found[key] = value
    return found

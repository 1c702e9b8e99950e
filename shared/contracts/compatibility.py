"""Tells whether a reader of one JSON Schema understands all that is written under another.

Knows what `shared.contracts.schema` generates: definitions, objects, arrays, unions, enums and bounds.
"""

from typing import Any, Final

Schema = dict[str, Any]

_LOWER_BOUNDS: Final = ("minimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS: Final = ("maximum", "maxLength", "maxItems", "maxProperties")


def breaks(writer: Schema, reader: Schema) -> list[str]:
    """List the places where a document valid for ``writer`` could be refused by ``reader``; empty when none.

    For what we publish, the new schema is the writer and the kept one the reader; for what clients send, the reverse.
    """
    return _Comparison(writer.get("$defs", {}), reader.get("$defs", {})).compare(writer, reader, "")


class _Comparison:
    def __init__(self, writer_definitions: Schema, reader_definitions: Schema) -> None:
        self._writer_definitions = writer_definitions
        self._reader_definitions = reader_definitions
        self._seen: set[tuple[str, str]] = set()

    def compare(self, writer: Schema, reader: Schema, path: str) -> list[str]:
        pair = (writer.get("$ref", ""), reader.get("$ref", ""))
        if all(pair):
            if pair in self._seen:
                return []
            self._seen.add(pair)
        writer = self._resolve(writer, self._writer_definitions)
        reader = self._resolve(reader, self._reader_definitions)
        if "anyOf" in writer:
            return [line for branch in writer["anyOf"] for line in self.compare(branch, reader, path)]
        if "anyOf" in reader:
            return self._compare_with_union(writer, reader["anyOf"], path)
        return [
            *_enum_breaks(writer, reader, path),
            *_type_breaks(writer, reader, path),
            *_bound_breaks(writer, reader, path),
            *self._object_breaks(writer, reader, path),
            *self._item_breaks(writer, reader, path),
        ]

    @staticmethod
    def _resolve(schema: Schema, definitions: Schema) -> Schema:
        while "$ref" in schema:
            schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
        return schema

    def _compare_with_union(self, writer: Schema, branches: list[Schema], path: str) -> list[str]:
        attempts = []
        for branch in branches:
            seen = set(self._seen)
            attempts.append(self.compare(writer, branch, path))
            if not attempts[-1]:
                return []
            self._seen = seen
        return min(attempts, key=len)

    def _object_breaks(self, writer: Schema, reader: Schema, path: str) -> list[str]:
        written, read = writer.get("properties", {}), reader.get("properties", {})
        always = set(writer.get("required", ()))
        found = [f"{path}/{name}: no longer always there" for name in reader.get("required", ()) if name not in always]
        if reader.get("additionalProperties") is False:
            found += [f"{path}/{name}: unknown to the reader" for name in written if name not in read]
        for name in written.keys() & read.keys():
            found += self.compare(written[name], read[name], f"{path}/{name}")
        values = writer.get("additionalProperties"), reader.get("additionalProperties")
        if isinstance(values[0], dict) and isinstance(values[1], dict):
            found += self.compare(values[0], values[1], f"{path}/*")
        return found

    def _item_breaks(self, writer: Schema, reader: Schema, path: str) -> list[str]:
        if "items" not in reader:
            return []
        return self.compare(writer.get("items", {}), reader["items"], f"{path}[]")


def _choices(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _enum_breaks(writer: Schema, reader: Schema, path: str) -> list[str]:
    written, read = _choices(writer), _choices(reader)
    if read is None:
        return []
    new = sorted(map(str, (written or {"any value"}) - read))
    return [f"{path}: {', '.join(new)} unknown to the reader"] if new else []


def _type_breaks(writer: Schema, reader: Schema, path: str) -> list[str]:
    written, read = writer.get("type"), reader.get("type")
    if read is None or written == read or (written == "integer" and read == "number"):
        return []
    if written is None and _choices(writer) is not None:
        return []
    return [f"{path}: {written} where {read} was"]


def _bound_breaks(writer: Schema, reader: Schema, path: str) -> list[str]:
    found = []
    for name in _LOWER_BOUNDS:
        if name in reader and writer.get(name, float("-inf")) < reader[name]:
            found.append(f"{path}: {name} {writer.get(name)} below {reader[name]}")
    for name in _UPPER_BOUNDS:
        if name in reader and writer.get(name, float("inf")) > reader[name]:
            found.append(f"{path}: {name} {writer.get(name)} above {reader[name]}")
    for name in ("pattern", "format"):
        if name in reader and _choices(writer) is None and writer.get(name) != reader[name]:
            found.append(f"{path}: {name} changed")
    return found

"""OpenAPI: one request for each operation, with the examples that the document gives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin

from murmur.errors import MurmurError

from ._flow import Entry, Flow

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
SAMPLES = {"integer": 1, "number": 1.0, "boolean": True, "string": "text", "null": None}
FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "ann@example.test",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "uri": "http://example.test/",
}
DEEP = 8
"""Levels of a schema that are filled; a schema may hold itself."""


def read_openapi(document: Mapping[str, Any], source: str) -> Flow:
    """Return one request for each operation of an OpenAPI (or Swagger) document.

    Raises `MurmurError` if it has no operations.
    """
    flow, base = Flow(source), _base(document)
    for path, item in (document.get("paths") or {}).items():
        for method in METHODS:
            operation = item.get(method) if isinstance(item, Mapping) else None
            if isinstance(operation, Mapping):
                both = [*item.get("parameters", []), *operation.get("parameters", [])]
                given = [_resolved(each, document) for each in both]
                flow.entries.append(_entry(document, base, path, method, operation, given))
    if not flow.entries:
        raise MurmurError(f"{source}: the document has no operations under paths")
    flow.notes.append("values are the document's examples, or made up from its types: look at them")
    return flow


def _base(document: Mapping[str, Any]) -> str:
    servers = document.get("servers") or [{}]
    url = str(servers[0].get("url", "/"))
    for name, variable in (servers[0].get("variables") or {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    if "host" in document:  # Swagger 2
        scheme = (document.get("schemes") or ["http"])[0]
        url = f"{scheme}://{document['host']}{document.get('basePath', '')}"
    return urljoin("http://localhost", url).rstrip("/")


def _entry(
    document: Mapping[str, Any],
    base: str,
    path: str,
    method: str,
    operation: Mapping[str, Any],
    parameters: list[Mapping[str, Any]],
) -> Entry:
    entry = Entry(method.upper(), base + path)
    query: list[tuple[str, str]] = []
    for each in parameters:
        name, value = str(each.get("name")), _example(each, document)
        if each.get("in") == "path":
            entry.values[name] = value
        elif each.get("in") == "body":
            entry.body = json.dumps(value)
            entry.headers.append(("Content-Type", "application/json"))
        elif each.get("in") == "formData":
            entry.form = [*(entry.form or []), (name, str(value))]
        elif each.get("required"):
            _place(entry, query, str(each.get("in")), name, value)
    _fill_body(entry, document, _resolved(operation.get("requestBody") or {}, document))
    for (where, name), value in _security(document, operation):
        _place(entry, query, where, name, value)
    if query:
        entry.url += f"?{urlencode(query)}"
    return entry


def _place(
    entry: Entry, query: list[tuple[str, str]], where: str, name: str, value: object
) -> None:
    if where == "query":
        query.append((name, str(value)))
    elif where == "header":
        entry.headers.append((name, str(value)))


def _fill_body(entry: Entry, document: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    for kind, media in (body.get("content") or {}).items():
        value = _example(media, document)
        if "json" in kind:
            entry.body = json.dumps(value)
        elif "x-www-form-urlencoded" in kind and isinstance(value, Mapping):
            entry.form = [(str(name), str(each)) for name, each in value.items()]
        else:
            continue
        entry.headers.append(("Content-Type", kind))
        return


def _security(
    document: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield place, name and value of what an operation wants of who asks."""
    components = document.get("components") or {}
    schemes = components.get("securitySchemes") or document.get("securityDefinitions") or {}
    wanted = operation.get("security", document.get("security")) or []
    for name in wanted[0] if wanted else ():
        scheme = _resolved(schemes.get(name) or {}, document)
        kind = scheme.get("type")
        if kind == "apiKey":
            yield (str(scheme.get("in")), str(scheme.get("name"))), "secret"
        elif kind == "basic" or scheme.get("scheme") == "basic":
            yield ("header", "Authorization"), "Basic secret"
        elif kind:
            yield ("header", "Authorization"), "Bearer secret"


def _resolved(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of the document, or what it refers to."""
    for _ in range(DEEP):
        where = part.get("$ref")
        if not isinstance(where, str) or not where.startswith("#/"):
            break
        found: Any = document
        for step in where[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        part = found
    return part


def _example(part: Mapping[str, Any], document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return the example of a parameter or a body, or one by its schema."""
    if "example" in part:
        return part["example"]
    for each in (part.get("examples") or {}).values():
        return _resolved(each, document).get("value")
    return _sample(part.get("schema") or part, document, DEEP)


def _sample(schema: Mapping[str, Any], document: Mapping[str, Any], deep: int) -> Any:  # noqa: ANN401
    schema = _resolved(schema, document)
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][0]
    for key in ("oneOf", "anyOf"):
        if schema.get(key):
            return _sample(schema[key][0], document, deep)
    parts = [_sample(each, document, deep) for each in schema.get("allOf") or ()]
    merged = {
        name: value for part in parts if isinstance(part, dict) for name, value in part.items()
    }
    return _by_type(schema, document, deep, merged)


def _by_type(
    schema: Mapping[str, Any], document: Mapping[str, Any], deep: int, merged: dict[str, Any]
) -> Any:  # noqa: ANN401 - any JSON
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if merged or kind == "object" or "properties" in schema:
        wanted = schema.get("required") or list(schema.get("properties") or {})
        known = (schema.get("properties") or {}).items()
        if deep > 0:
            merged |= {
                name: _sample(each, document, deep - 1) for name, each in known if name in wanted
            }
        return merged
    if kind == "array":
        return [_sample(schema.get("items") or {}, document, deep - 1)] if deep > 0 else []
    if "minimum" in schema:
        return schema["minimum"]
    return FORMATS.get(str(schema.get("format")), SAMPLES.get(str(kind), "text"))

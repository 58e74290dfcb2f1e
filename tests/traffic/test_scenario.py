"""Scenarios that are written from what others record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from murmur.errors import MurmurError
from murmur.scenario import Scenario
from murmur.traffic import scenario_from

from .conftest import BASE, Recording


def made(source: str, name: str) -> type[Scenario]:
    """Return the class that a source defines."""
    namespace: dict[str, Any] = {"__name__": "imported"}
    exec(compile(source, "<imported>", "exec"), namespace)
    found: type[Scenario] = namespace[name]
    return found


@pytest.mark.parametrize("line", [
    'base_url = Unicode("http://127.0.0.1:8123"',
    'password = Unicode("", help="password of POST /login").tag(secret=True)',
    'user_name = Unicode("ann"',
    "await user.sleep(3.",
    "csrf = re.search(r'<input type=\"hidden\" name=\"csrf\" value=\"([^\"]+)'",
    '"csrf": csrf',
    'access_token = answer.json()["access_token"]',
    'f"Bearer {access_token}"',
    'item_id = answer.json()["items"][1]["id"]',
    '"/api/users/{user_id}/orders"',
    '"item": item_id',
    '"count": 1',
    '"gift": False',
    'params={"category": "books", "page": "1"}',
    'order_id = answer.json()["order"]["id"]',
    "expect=404",
])  # fmt: skip
def test_a_recording_becomes_a_scenario_that_(shop: Path, line: str) -> None:
    assert line in scenario_from(shop).source


def test_what_a_user_does_not_do_is_left_out_and_said(shop: Path) -> None:
    written = scenario_from(shop)

    assert not any(word in written.source for word in ("app.css", "visitors", "/home", "hush"))
    assert "eyJhbGciOi" not in written.source
    assert "cookie" not in written.source.lower().replace('"grant": "cookie"', "")
    assert "left out: 1 to www.visitors.test" in written.notes
    assert "left out: 2 styles, scripts, pictures and fonts" in written.notes
    assert "to be set before it runs: password" in written.notes


def test_the_scenario_has_its_settings(shop: Path) -> None:
    written = scenario_from(shop, name="Visit")

    traits = made(written.source, "Visit").class_traits()
    assert {"base_url", "think", "password", "user_name"} <= set(traits)
    assert traits["password"].metadata["secret"]


def test_files_of_a_page_may_be_fetched_side_by_side(shop: Path) -> None:
    source = scenario_from(shop, static="group").source

    assert 'await self.fetch_files(user, "/app.css?v=3", "/logo.svg")' in source
    made(source, "BookShop")


def test_hosts_may_be_chosen(shop: Path) -> None:
    with pytest.raises(MurmurError, match="no requests that a user would make"):
        scenario_from(shop, hosts=("other.test",))


def test_a_value_that_the_user_had_first_stays(recording: Recording, tmp_path: Path) -> None:
    answer = '{"coupon": "SUMMER-2026"}'
    recording.add("GET", f"{BASE}/coupons/SUMMER-2026", kind="application/json", text=answer)
    recording.add("GET", f"{BASE}/cart?coupon=SUMMER-2026")

    written = scenario_from(recording.write(tmp_path / "a.har"))

    assert 'params={"coupon": "SUMMER-2026"}' in written.source


def test_a_value_of_a_cookie_is_read_from_the_cookies(recording: Recording, tmp_path: Path) -> None:
    recording.add("GET", f"{BASE}/", fields=(("Set-Cookie", "XSRF-TOKEN=tok%3D123; Path=/"),))
    recording.add("POST", f"{BASE}/buy", sent=(("X-XSRF-TOKEN", "tok=123"),))

    source = scenario_from(recording.write(tmp_path / "a.har")).source

    assert 'xsrf_token = unquote(http.cookies.get("XSRF-TOKEN", ""))' in source
    assert '"X-XSRF-TOKEN": xsrf_token' in source


def test_lines_of_curl_are_requests(tmp_path: Path) -> None:
    path = tmp_path / "api.txt"
    path.write_text(
        "# log in, then look\n"
        "curl -sS https://api.test/login -u ann:hush --data-urlencode 'q=a b' -d x=1 \\\n"
        "  -H 'X-Api-Key: 12345'\n"
        "curl -XPUT 'https://api.test/items/7?full=1' --json '{\"a\": [1, null]}' && "
        "curl -I https://api.test/{odd}\n"
    )

    source = scenario_from(path).source

    assert 'form={"q": "a b", "x": "1"}' in source
    assert "http.put(" in source
    assert 'json={"a": [1, None]}' in source
    assert 'http.head("/%7Bodd%7D")' in source
    assert 'f"Basic {self.authorization}"' in source
    assert '"X-Api-Key": self.api_key' in source
    made(source, "Api")


DOCUMENT = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://{where}.test/v1", "variables": {"where": {"default": "pets"}}}],
    "security": [{"login": []}],
    "paths": {
        "/pets/{petId}": {
            "parameters": [
                {"name": "petId", "in": "path", "schema": {"type": "integer", "minimum": 5}}
            ],
            "get": {"parameters": [{"name": "tag", "in": "query", "required": True}]},
            "put": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}
                    }
                }
            },
        }
    },
    "components": {
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "example": "Rex"},
                    "born": {"type": "string", "format": "date"},
                    "parent": {"$ref": "#/components/schemas/Pet"},
                    "tags": {"type": "array", "items": {"enum": ["old", "new"]}},
                },
                "required": ["name", "born", "tags"],
            }
        },
        "securitySchemes": {"login": {"type": "http", "scheme": "bearer"}},
    },
}


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_document_becomes_a_request_for_each_operation(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"pets.{form}"
    if form == "json":
        path.write_text(json.dumps(DOCUMENT))
    else:
        yaml = pytest.importorskip("yaml")  # of dask, which the extra `cluster` brings
        path.write_text(yaml.safe_dump(DOCUMENT))

    source = scenario_from(path).source

    assert 'Unicode("https://pets.test"' in source
    assert '"/v1/pets/{petId}"' in source
    assert "petId=5" in source
    assert 'params={"tag": "text"}' in source
    assert '"tags": ["old"]' in source
    assert '"born": "2026-01-31"' in source
    assert 'f"Bearer {self.authorization}"' in source
    made(source, "Pets")


@pytest.mark.parametrize(("text", "problem"), [
    ("", "no HAR file, no OpenAPI document, and no lines of curl"),
    ("{", "no JSON"),
    ("{}", "no HAR file, no OpenAPI"),
    ('{"log": 5}', "has no log.entries"),
    ('{"log": {"entries": []}}', "no requests that a user would make"),
    ('{"log": {"entries": [5, {"request": 7}]}}', "no requests that a user would make"),
    ('{"openapi": "3.0.0"}', "no operations"),
    ("curl 'http://a", "No closing quotation"),
    ("curl -s", "has no URL"),
])  # fmt: skip
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "a.har"
    path.write_text(text)

    with pytest.raises(MurmurError, match=problem):
        scenario_from(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MurmurError, match=r"none\.har: no such file"):
        scenario_from(tmp_path / "none.har")

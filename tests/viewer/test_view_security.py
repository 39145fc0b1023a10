"""Who may ask the viewer's server: the promises of SECURITY.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from nuseg.viewer.security import MOST_BYTES, Door, host_name, is_loopback, new_token
from nuseg.viewer.shelf import Shelf
from shown import HERE, client_of, save_shown, shelf_of

SQUARE = {"polygon": [[0, 0], [300, 0], [300, 300], [0, 300]]}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    shelf = shelf_of(save_shown(tmp_path_factory.mktemp("secure")))
    yield shelf
    shelf.close()


@pytest.fixture(scope="module")
def client(shelf: Shelf) -> TestClient:
    return client_of(shelf)


@pytest.fixture(scope="module")
def layer(shelf: Shelf) -> str:
    return f"/api/items/{shelf.items[0].id}/layers/result"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8123", "", "localhost:x", "[::1"]
)
def test_other_hosts_are_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/items", headers={"host": host})
    assert answer.status_code == 403
    assert "Host" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost:8123", "127.0.0.1:9000", "[::1]:8123", "LOCALHOST"])
def test_this_machine_is_known_by_its_names_also_through_a_tunnel(client: TestClient, host: str) -> None:
    own = {"host": host, "origin": f"http://{host}"}
    assert client.get("/api/items", headers=own).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8123", "http://127.0.0.1:3000", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_sites_are_refused(client: TestClient, layer: str, origin: str, method: str) -> None:
    answer = client.request(method, f"{layer}/region" if method == "POST" else layer, headers={"origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_what_changes_something_needs_its_own_origin(shelf: Shelf, layer: str) -> None:
    plain = client_of(shelf)
    del plain.headers["origin"]
    assert plain.get(layer).status_code == 200
    assert plain.post(f"{layer}/region", json=SQUARE).status_code == 403


def test_what_another_site_shows_is_refused_but_a_link_to_the_page_is_followed(client: TestClient, layer: str) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    assert (
        client.get(layer, headers=foreign | {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}).status_code == 403
    )
    opened = foreign | {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=opened).status_code == 200
    framed = opened | {"sec-fetch-dest": "iframe"}
    assert client.get("/", headers=framed).status_code == 403


def test_only_notebooks_of_this_machine_may_frame_the_page(shelf: Shelf) -> None:
    plain, framed = client_of(shelf), client_of(shelf, Door("127.0.0.1", 8123, framed=True))
    policies = [one.get("/").headers["content-security-policy"] for one in (plain, framed)]
    assert "frame-ancestors 'none'" in policies[0]
    assert "http://localhost:*" in policies[1]
    asked = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    assert framed.get("/", headers=asked).status_code == 200


@pytest.mark.parametrize("address", ["/", "/api/items", "/static/none", "/api/none", "/api/items/none/thumbnail.jpg"])
def test_every_answer_says_what_the_page_may_load(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client: TestClient, method: str) -> None:
    assert client.request(method, "/api/items").status_code == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-length": str(MOST_BYTES + 1)}, 413),
        ({"content-length": "-1"}, 413),
    ],
)
def test_bodies_are_json_and_bounded(client: TestClient, layer: str, headers: dict[str, str], status: int) -> None:
    whole = {"content-type": "application/json"} | headers
    assert client.post(f"{layer}/region", content=b"{}", headers=whole).status_code == status


def test_a_body_that_hides_its_length_is_refused(client: TestClient, layer: str) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 100_000 + 2):
            yield b" " * 100_000

    answer = client.post(f"{layer}/region", content=parts(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_posts_need_the_header_that_forms_cannot_send(shelf: Shelf, layer: str) -> None:
    plain = client_of(shelf)
    del plain.headers["x-nuseg"]
    assert plain.post(f"{layer}/region", json=SQUARE).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[", b"[]", b"null", b'"text"', b"{}", b"[" * 100_000, b"\xff", b'{"polygon": 3}'),
        *(b'{"polygon": []}', b'{"polygon": [[0, 0], [1, 1], [NaN, 2]]}', b'{"polygon": [[0, 0], [1, 1], [1e999, 2]]}'),
        b'{"polygon": [[0, 0], [1, 1], ["a", 2]]}',
        b'{"polygon": [[0, 0], [1, 1], [true, 2]]}',
        b'{"polygon": [[0, 0], [1, 1], [' + b"9" * 400 + b", 2]]}",
        b'{"polygon": [' + b"[0, 0]," * 30_000 + b"[1, 1]]}",
    ],
    ids=range(16),
)
@pytest.mark.parametrize("end", ["region", "region.csv"])
def test_wrong_bodies_are_answered_in_one_line(client: TestClient, layer: str, body: bytes, end: str) -> None:
    answer = client.post(f"{layer}/{end}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


PIECES = st.sampled_from(
    [
        *("..", "%2e%2e", ".", "", "%00", "%2f", "\\", "C:", "etc", "passwd", "api", "items", "static", "layers"),
        *("tiles", "columns", "outlines", "nuclei", "result", "-1", "99999999999999999999", "0_0.jpg", "1e9_0.bin"),
        *("x.f32", "../x.f32", "%ff", "é", "a" * 3000, "0", "1_1.bin", "4294967296_0.jpg", "ID"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=8))
@example(["api", "items", "ID", "tiles", "99", "0_0.jpg"])
@example(["api", "items", "ID", "tiles", "11", "4294967296_0.jpg"])
@example(["api", "items", "ID", "layers", "result", "outlines", "99999999999999999999_0.bin"])
@example(["static", "..", "server.py"])
@example(["static", "%2e%2e", "server.py"])
@example(["static", "%2e%2e%2f%2e%2e%2ferrors.py"])
@example(["static", "", "etc", "passwd"])
def test_no_address_leads_out_or_breaks_the_server(shelf: Shelf, client: TestClient, pieces: list[str]) -> None:
    address = "/" + "/".join(shelf.items[0].id if piece == "ID" else piece for piece in pieces)
    answer = client.get(HERE + address)
    assert answer.status_code in (200, 307, 400, 404, 405)
    assert b"root:" not in answer.content
    assert b"from nuseg" not in answer.content


def test_static_files_end_at_their_folder(client: TestClient) -> None:
    for address in (
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static//etc/passwd",
    ):
        assert client.get(HERE + address).status_code == 404


def test_reading_alone_changes_nothing(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    shelf = shelf_of(results, read_only=True)
    client, item = client_of(shelf), shelf.items[0].id
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    assert client.get("/api/items").json()["read_only"] is True
    assert client.get("/api/items").json()["items"][0]["layers"][0]["writable"] is False
    for address in (f"/api/items/{item}/corrections", "/api/training", "/api/training/stop", "/api/anything"):
        assert client.post(address, json={"base": 0, "action": "delete", "nuclei": [0]}).status_code == 403
    assert client.post(f"/api/items/{item}/layers/result/region", json=SQUARE).status_code == 200
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


class TestToken:
    """A server that others can reach."""

    token = new_token()

    @pytest.fixture
    def open_client(self, shelf: Shelf) -> TestClient:
        door = Door("0.0.0.0", 8123, self.token, names=("lab-server",))
        return client_of(shelf, door)

    def test_nothing_is_told_without_it(self, open_client: TestClient, layer: str) -> None:
        for address in ("/", "/api/items", "/static/style.css", layer):
            assert open_client.get(address).status_code == 401
            assert open_client.get(f"{address}?token=wrong").status_code == 401
        assert open_client.post(f"{layer}/region", json=SQUARE).status_code == 401

    def test_the_page_brings_it_once_and_keeps_it_in_a_cookie_of_its_own(self, open_client: TestClient) -> None:
        answer = open_client.get(f"/?token={self.token}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert open_client.get("/api/items").status_code == 200

    def test_programs_may_send_it_as_a_header(self, open_client: TestClient) -> None:
        assert open_client.get("/api/items", headers={"authorization": f"Bearer {self.token}"}).status_code == 200
        assert open_client.get("/api/items", headers={"authorization": f"Basic {self.token}"}).status_code == 401
        assert (
            open_client.get("/api/items", headers={"authorization": "Bearer \xe9".encode("latin-1")}).status_code == 401
        )

    @pytest.mark.parametrize(
        ("host", "status"), [("lab-server:8123", 200), ("10.0.0.3:8123", 200), ("evil.example", 403)]
    )
    def test_names_that_are_not_its_own_are_refused(self, open_client: TestClient, host: str, status: int) -> None:
        brought = {"authorization": f"Bearer {self.token}", "origin": f"http://{host}", "host": host}
        assert open_client.get("/api/items", headers=brought).status_code == status

    def test_every_start_has_another_one(self) -> None:
        assert len({new_token() for _ in range(100)}) == 100
        assert min(len(new_token()) for _ in range(100)) >= 32


@pytest.mark.parametrize(
    ("given_host", "name"),
    [
        ("a:1", "a"),
        ("a", "a"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("a:b", ""),
        ("a:1:2", ""),
        ("[::1", ""),
        (":80", ""),
    ],
)
def test_the_name_in_a_host(given_host: str, name: str) -> None:
    assert host_name(given_host) == name


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_hosts_that_only_this_machine_reaches(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "", "::", "lab"])
def test_hosts_that_others_reach(host: str) -> None:
    assert not is_loopback(host)

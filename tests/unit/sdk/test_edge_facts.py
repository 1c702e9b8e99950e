"""The middleware tells each session's network facts once, and never gets in the way of a request."""

import hashlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

import telltale
from telltale.asgi import EdgeFacts
from tests.unit.sdk.conftest import MakeClient
from tests.unit.sdk.misbehaving import Gateway

ID = "0192f0c1-2f7a-7c3e-9a51-3f1d2c4b5a69"
OTHER = "0192f0c1-2f7a-7c3e-9a51-3f1d2c4b5a70"
Headers = list[tuple[bytes, bytes]]
SESSION = (b"x-telltale-session", ID.encode())


def named(session_id: str) -> Headers:
    return [(b"host", b"shop"), (b"x-telltale-session", session_id.encode())]


@pytest.fixture
async def client(make_client: MakeClient) -> AsyncIterator[telltale.AsyncClient]:
    async with make_client() as opened:
        yield opened


class Site:
    """An app that counts its requests."""

    def __init__(self) -> None:
        self.scopes: list[MutableMapping[str, Any]] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.scopes.append(scope)


async def ask(app: EdgeFacts, headers: Headers, http_version: str = "2", kind: str = "http") -> None:
    async def unused(*_: Any) -> Any:
        raise AssertionError

    await app({"type": kind, "http_version": http_version, "headers": headers}, unused, unused)


async def facts(gateway: Gateway, client: telltale.AsyncClient, session_id: str = ID) -> list[dict[str, Any]]:
    await client.flush()
    told = gateway.stored_events(session_id)
    assert all(event.pop("type") == "network.facts" and event.pop("occurred_at") for event in told)
    return told


async def test_facts_are_sent_once_a_session_and_the_request_goes_on(
    gateway: Gateway, client: telltale.AsyncClient
) -> None:
    site = Site()
    app = EdgeFacts(site, client)
    for _ in range(3):
        await ask(app, [(b"Host", b"shop"), (b"accept", b"*/*"), SESSION])
    order = hashlib.sha256(b"host,accept,x-telltale-session").hexdigest()
    assert await facts(gateway, client) == [{"http_version": "2", "header_order_sha256": order}]
    assert len(site.scopes) == 3


async def test_other_facts_are_sent_again_but_known_ones_never(gateway: Gateway, client: telltale.AsyncClient) -> None:
    app = EdgeFacts(Site(), client)
    for version in ("1.1", "2", "1.1", "2", "3"):
        await ask(app, named(ID), version)
    assert [told["http_version"] for told in await facts(gateway, client)] == ["1.1", "2", "3"]


async def test_a_session_tells_so_many_kinds_of_facts_and_no_more(
    gateway: Gateway, client: telltale.AsyncClient
) -> None:
    app = EdgeFacts(Site(), client)
    for number in range(50):
        await ask(app, [*named(ID), (b"x-%d" % number, b"")])
    assert len(await facts(gateway, client)) == 8


@pytest.mark.parametrize(
    "headers",
    [
        [(b"cookie", b"a=1; telltale_session=%s; b=2" % ID.encode())],
        [(b"cookie", b"a=1"), (b"cookie", b"telltale_session=%s" % ID.upper().encode())],
        [(b"cookie", b"telltale_session=%s" % OTHER.encode()), SESSION],
    ],
)
async def test_a_session_is_named_by_header_or_cookie(
    headers: Headers, gateway: Gateway, client: telltale.AsyncClient
) -> None:
    await ask(EdgeFacts(Site(), client), headers)
    assert len(await facts(gateway, client)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-telltale-session", b"")],
        [(b"x-telltale-session", b"s-1")],
        [(b"x-telltale-session", ID.replace("-", "").encode())],
        [(b"x-telltale-session", b"\xff" * 36)],
        [(b"cookie", b"telltale_session")],
        [(b"cookie", b"telltale_session=" + b"x" * 100_000)],
    ],
)
async def test_without_a_session_nothing_is_sent(headers: Headers, client: telltale.AsyncClient) -> None:
    site = Site()
    await ask(EdgeFacts(site, client), headers)
    assert (client.stats().added, len(site.scopes)) == (0, 1)


async def test_what_the_edge_writes_is_read_only_where_it_is_named(
    gateway: Gateway, client: telltale.AsyncClient
) -> None:
    written = [(b"x-ja4", b"t13d1516h2_8daaf6152771_b186095e22b6"), (b"cf-ipcountry", b"gb"), (b"x-asn", b"AS2856")]
    written += [(b"x-network", b"Residential"), (b"x-forwarded-for", b"198.51.100.7")]
    await ask(EdgeFacts(Site(), client, behind_proxy=True), [*named(OTHER), *written])
    app = EdgeFacts(
        Site(), client, ja4_header="X-JA4", country_header="CF-IPCountry", asn_header="x-asn",
        network_type_header="x-network", behind_proxy=True,
    )  # fmt: skip
    await ask(app, [*named(ID), *written])
    assert await facts(gateway, client) == [
        {"ja4": "t13d1516h2_8daaf6152771_b186095e22b6", "country": "GB", "asn": 2856, "network_type": "residential"}
    ]
    assert gateway.stored_events(OTHER) == []


@pytest.mark.parametrize(
    "written",
    [
        [(b"x-ja4", b"t13"), (b"x-ja4", b"t13")],  # one is the client's
        [(b"x-ja4", b"a\x00b")],
        [(b"x-ja4", b"x" * 257)],
        [(b"x-country", b"XYZ")],
        [(b"x-country", b"\xdf")],  # its upper case is SS
        [(b"x-asn", b"4294967296")],
        [(b"x-asn", b"-1")],
        [(b"x-network", b"moon")],
    ],
)
async def test_odd_facts_are_left_out(written: Headers, client: telltale.AsyncClient) -> None:
    app = EdgeFacts(
        Site(), client, ja4_header="x-ja4", country_header="x-country", asn_header="x-asn",
        network_type_header="x-network", behind_proxy=True,
    )  # fmt: skip
    await ask(app, [*named(ID), *written])
    assert client.stats().added == 0


async def test_memory_is_bounded_and_the_longest_unseen_is_forgotten(
    gateway: Gateway, client: telltale.AsyncClient
) -> None:
    app = EdgeFacts(Site(), client, max_sessions=2)
    third = ID[:-2] + "71"
    for session_id in (ID, OTHER, ID, third, ID, OTHER):
        await ask(app, named(session_id))
    assert [len(await facts(gateway, client, name)) for name in (ID, OTHER, third)] == [1, 2, 1]


async def test_facts_that_found_no_room_are_sent_with_the_next_request(
    gateway: Gateway, make_client: MakeClient
) -> None:
    async with make_client(limits={"max_buffered_events": 1}) as client:
        client.subject("session", "full").add({"type": "scroll", "y": 1})
        app = EdgeFacts(Site(), client)
        await ask(app, named(ID))
        await client.flush()
        await ask(app, named(ID))
        assert len(await facts(gateway, client)) == 1


async def test_a_client_that_fails_does_not_fail_the_request(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site()
    client = make_client()  # never opened
    await ask(EdgeFacts(site, client), named(ID))
    assert len(site.scopes) == 1
    assert "network facts could not be sent" in caplog.text
    assert ID not in caplog.messages[0]
    await client.close()


async def test_other_protocols_pass_untouched(client: telltale.AsyncClient) -> None:
    site = Site()
    await ask(EdgeFacts(site, client), named(ID), kind="websocket")
    assert (len(site.scopes), client.stats().added) == (1, 0)

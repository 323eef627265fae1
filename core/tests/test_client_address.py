"""Which address a client has, and what limits count it by."""

from typing import Any

import pytest

from core.web.client_address import client_address, client_key

PROXY = "192.0.2.1"


def behind_one_proxy(settings: Any, forwarded: str) -> dict[str, str]:
    settings.TRUSTED_PROXY_COUNT = 1
    return {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": forwarded}


@pytest.mark.parametrize(
    ("entry", "address", "key"),
    [
        ("1.2.3.4", "1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4", "1.2.3.4"),
        ('"1.2.3.4:5678"', "1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4 ", "1.2.3.4", "1.2.3.4"),
        ("2001:DB8::1", "2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:1:2:3:4", "2001:db8::1:2:3:4", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::1", "2001:db8::/64"),
        ('"[2001:db8::1]:443"', "2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("[fe80::1%25eth0]:80", "fe80::1", "fe80::/64"),
        ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"),
        ("[::ffff:102:304]:9", "1.2.3.4", "1.2.3.4"),
    ],
)
def test_forwarded_address_is_read_without_port_quotes_and_zone(
    settings: Any, entry: str, address: str, key: str
) -> None:
    meta = behind_one_proxy(settings, f"203.0.113.9, {entry}")
    assert (client_address(meta), client_key(meta)) == (address, key)


@pytest.mark.parametrize(
    "entry",
    [
        "unknown",
        "_hidden",
        "mark",
        "1.2.3.4:port",
        "1.2.3.4:123456",
        "1.2.3",
        "01.2.3.4",
        "1.2.3.4.5",
        "2001:db8::1]:443",
        "[2001:db8::1",
        "[]",
        '"',
        "%",
        "\u0661.2.3.4",
        "\x00",
        "\xff",
        "1.2.3.4\r\nX: y",
        "a" * 100_000,
        "[" * 50_000,
        "::" * 40,
    ],
)
def test_forwarded_garbage_is_not_believed(settings: Any, entry: str) -> None:
    meta = behind_one_proxy(settings, entry)
    assert (client_address(meta), client_key(meta)) == (PROXY, PROXY)


def test_entries_left_of_our_proxies_are_not_believed(settings: Any) -> None:
    meta = behind_one_proxy(settings, "1.1.1.1, 2.2.2.2, , 3.3.3.3,")
    assert client_address(meta) == "3.3.3.3"
    settings.TRUSTED_PROXY_COUNT = 2
    assert client_address(meta) == "2.2.2.2"
    settings.TRUSTED_PROXY_COUNT = 4
    assert client_address(meta) == PROXY, "fewer entries than proxies"
    settings.TRUSTED_PROXY_COUNT = 0
    assert client_address(meta) == PROXY, "nobody's header is believed"


@pytest.mark.parametrize(
    ("direct", "address", "key"),
    [
        ("", "", ""),
        ("::1", "::1", "::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:db8::1%eth0", "2001:db8::1", "2001:db8::/64"),
        ("unix:" + "x" * 100, ("unix:" + "x" * 100)[:45], ("unix:" + "x" * 100)[:45]),
    ],
)
def test_direct_address_is_read_the_same_way(direct: str, address: str, key: str) -> None:
    meta = {"REMOTE_ADDR": direct}
    assert (client_address(meta), client_key(meta)) == (address, key)


def test_request_without_any_address_has_an_empty_one() -> None:
    assert (client_address({}), client_key({})) == ("", "")

"""Whose request it is, when it came through proxies."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any


def caller_address(request: Any, trusted_proxies: tuple[str, ...]) -> str:
    """The caller's address: the connection's own, or, behind a trusted proxy, the last hop that is not one of ours.

    A proxy may add to the line that came or put one of its own below it, so all lines count, in their order.
    """
    peer = read_hop(request.ip or "") or str(request.ip or "")
    if not trusted_proxies or not _is_trusted(peer, trusted_proxies):
        return peer
    lines: Iterable[str] = request.headers.getall("x-forwarded-for", ())
    for hop in reversed([part.strip() for part in ",".join(lines).split(",") if part.strip()]):
        address = read_hop(hop)
        if not address:
            break
        if not _is_trusted(address, trusted_proxies):
            return address
    return peer


@lru_cache(1024)
def read_hop(hop: str) -> str:
    """One hop as the plain address of whom it names: without its port, its zone, and an IPv4 address without the form
    of an IPv6 one, so that nobody has two addresses. Empty for what is none."""
    if hop.startswith("["):
        host, bracket, port = hop[1:].partition("]")
        if not bracket or not _is_port(port):
            return ""
    elif hop.count(":") == 1:
        host, _, port = hop.partition(":")
        if not _is_port(f":{port}"):
            return ""
    else:
        host = hop
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_port(text: str) -> bool:
    digits = text[1:]
    return not text or (text[0] == ":" and digits.isascii() and digits.isdecimal() and int(digits) < 65536)


@lru_cache(1024)
def _is_trusted(address: str, trusted_proxies: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies)

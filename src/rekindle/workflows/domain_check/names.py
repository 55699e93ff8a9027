"""Questions to the name servers: an answer, "there is none", or "nobody could be asked", which is not the same."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from rekindle.errors import BadInput, RekindleError

if TYPE_CHECKING:
    import dns.resolver

PATIENCE: Final = 4.0  # seconds for one question, all servers together


class Silent(RekindleError):
    """No name server could be asked, or none gave an answer: whether the name is there is not known."""


class Names:
    """Asks one resolver. Gives empty lists for what is surely not there; raises Silent where nobody knows."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        self._resolver = resolver

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each put together again from its pieces."""
        return [b"".join(row.strings).decode("utf-8", "replace") for row in self._ask(name, "TXT")]

    def exchanges(self, name: str) -> list[str]:
        """Who takes mail for a domain, the first first; "." says that nobody does (RFC 7505)."""
        rows = sorted(self._ask(name, "MX"), key=lambda row: int(row.preference))
        return [str(row.exchange) if str(row.exchange) == "." else str(row.exchange).rstrip(".") for row in rows]

    def addresses(self, name: str) -> list[str]:
        """The numbers of a name."""
        return [str(row.address) for kind in ("A", "AAAA") for row in self._ask(name, kind)]

    def pointers(self, address: str) -> list[str]:
        """The names of a number."""
        return [str(row.target).rstrip(".") for row in self._ask(ip_address(address).reverse_pointer, "PTR")]

    def _ask(self, name: str, kind: str) -> list[Any]:
        import dns.exception
        import dns.resolver

        try:
            return list(self._resolver.resolve(name, kind, lifetime=PATIENCE, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise Silent(f"no name server told us about {name}", remedy="Look at this machine's network.") from error


def names() -> Names:
    """By the name servers of this machine, or the one of REKINDLE_NAME_SERVER. Raises Silent, BadInput."""
    import dns.resolver

    asked = os.environ.get("REKINDLE_NAME_SERVER", "")
    if not asked:
        try:
            return Names(dns.resolver.Resolver())
        except dns.resolver.NoResolverConfiguration as error:
            raise Silent("this machine knows no name server", remedy="Name one in REKINDLE_NAME_SERVER.") from error
    host, _colon, port = asked.rpartition(":") if asked.count(":") == 1 else (asked, "", "53")
    resolver = dns.resolver.Resolver(configure=False)
    try:
        resolver.nameservers, resolver.port = [str(ip_address(host))], int(port)
    except ValueError as error:
        raise BadInput(
            f"REKINDLE_NAME_SERVER is {asked[:60]!r}", remedy="Write it as 10.0.0.2 or 127.0.0.1:5353."
        ) from error
    return Names(resolver)

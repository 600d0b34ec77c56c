"""The cluster's name server: Services, Pods with a host name, and this machine; nothing of the world outside."""

from __future__ import annotations

import sys
from typing import Any, Protocol, cast

from dnslib import RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from sandbox.kubernetes import network
from sandbox.kubernetes.services import NAMES_PORT
from sandbox.kubernetes.services.catalog import Catalog

_IPV4, _NO_SUCH_NAME = 1, 3
"""Type of question and kind of answer, as RFC 1035 numbers them."""
_SECONDS = 1
"""How long an answer may be kept: Pods come and go."""


class _Query(Protocol):
    """What is used of dnslib's DNSRecord, which has no types."""

    q: Any
    header: Any

    def reply(self) -> _Query: ...
    def add_answer(self, *records: object) -> None: ...


class _Resolver(BaseResolver):
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def resolve(self, request: _Query, handler: object) -> _Query:  # noqa: ARG002  # the server's
        """Answer at once, with no such name where there is none, so that no Pod waits for a time-out."""
        reply = request.reply()
        found = self._catalog.addresses(str(request.q.qname).rstrip(".").lower())
        if found is None:
            reply.header.rcode = _NO_SUCH_NAME
        elif request.q.qtype == _IPV4:
            reply.add_answer(*(RR(request.q.qname, _IPV4, ttl=_SECONDS, rdata=A(each)) for each in found))
        return reply


def serve_names(catalog: Catalog) -> None:
    """Answer on the host's end of the Pods' network, in threads that end with this process.

    Where another program of this machine has the port on every address, Pods get no names; that is said in the log.
    """
    quiet = DNSLogger(logf=cast("Any", DNSLogger.log_pass))
    for tcp in (False, True):
        try:
            DNSServer(_Resolver(catalog), network.GATEWAY, NAMES_PORT, tcp=tcp, logger=quiet).start_thread()
        except OSError as error:
            print(f"{network.GATEWAY}:{NAMES_PORT}: {error}; Pods get no names", file=sys.stderr)

"""The wire protocol: a backend of any language, or of any other environment, as lines of JSON (``docs/protocol.md``)."""

from refgrad.harness.wire.client import WireBackend
from refgrad.harness.wire.connection import Connection
from refgrad.harness.wire.server import Server

__all__ = ["Connection", "Server", "WireBackend"]

"""The host's certificate by ACME (RFC 8555): obtained before it first serves, renewed while it does."""

from aparte.server.shell.acme.errors import AcmeFailed
from aparte.server.shell.acme.settings import AcmeSettings
from aparte.server.shell.acme.shelf import Shelf, latest_shelf

__all__ = ["AcmeFailed", "AcmeSettings", "Shelf", "latest_shelf"]

"""What an operator does with a host: `aparte admin`, and `aparte doctor`.

A running host is asked through its control socket; the folder of one that is at rest is worked on directly, under its
lock. Both end in `operations`.
"""

from aparte.server.admin.hosting import control_socket

__all__ = ["control_socket"]

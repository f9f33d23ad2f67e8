"""The host's shell: sockets, threads, the real clock. It carries frames to the core and back, and decides nothing."""

from aparte.server.shell.serve import HostConfig, serve

__all__ = ["HostConfig", "serve"]

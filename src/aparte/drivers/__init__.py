"""What connects an engine to files, sockets, timers and the clock."""

__all__: list[str] = []

"""The host: a durable, ordered log that knows nobody. A synchronous core, its store, and a thin asyncio shell."""

__all__: list[str] = []

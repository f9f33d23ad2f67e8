"""Three people with a log open, on a host whose disk breaks when told to."""

from __future__ import annotations

from dataclasses import dataclass

from aparte.wire.log_frames import Accepted
from tests.hosting import Client, Log, Scene
from tests.unit.server.brittle_store import BrittleStore


@dataclass
class Village:
    """Alice, Bob and Carol have a log open; the store breaks when told to."""

    town: Scene
    disk: BrittleStore
    log: Log
    alice: Client
    bob: Client
    carol: Client

    def posts_poison(self, poison: set[int], size: int, error: Exception) -> None:
        """A batch of `size` posts to the log by Alice, some of which the store chokes on."""
        bodies = {b"%d" % number for number in poison}
        self.disk.breaks = lambda name, args: error if name == "append" and args[1].body in bodies else None
        self.town.accept(*[self.alice.brings(self.alice.message(self.log, b"%d" % n)) for n in range(size)])
        self.disk.heals()

    def is_as_before(self) -> None:
        """All three post to the node that they opened, and everybody hears of it."""
        for poster in (self.alice, self.bob, self.carol):
            heard = {id(client): len(client.delivered) for client in (self.alice, self.bob, self.carol)}
            assert isinstance(poster.posts(self.log, b"still here"), Accepted)
            for client in (self.alice, self.bob, self.carol):
                assert len(client.delivered) == heard[id(client)] + (client is not poster)

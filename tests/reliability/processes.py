"""Real hosts: `aparte serve` on a folder, started, stopped and killed; the keys in it, and tickets made with them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Final

from nacl.signing import SigningKey

from aparte.server.policy import HostKeys
from aparte.server.shell.keys import load_keys
from aparte.wire import encode
from aparte.wire.ids import TicketKind
from aparte.wire.tickets import TICKET_VERSION, Ticket, TicketBody, ticket_statement

PROGRAM: Final = (str(Path(sys.executable).with_name("aparte")),)
DOMAIN: Final = "localhost"
#: Nobody waits for a pace.
HURRIED: Final = """
[limits]
posts_per_second_of_a_log = 100_000
kib_per_second_of_a_log = 100_000
frames_per_second_of_an_address = 100_000
links_per_second_of_an_address = 100_000
"""
_PATIENCE: Final = 30.0


class HostProcess:
    """A host that runs until it is stopped or killed."""

    def __init__(
        self, folder: Path, *, config: str = HURRIED, listen: str = "127.0.0.1:0", program: Sequence[str] = PROGRAM
    ) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "host.toml").write_text(config)
        command = [*program, "serve", "--config", "host.toml", "--data", ".", "--listen", listen]
        with (folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors)
        self.folder = folder
        self.url = self._wait()

    def _wait(self) -> str:
        out = self.process.stdout
        assert out is not None
        ready, _, _ = select([out], [], [], _PATIENCE)
        line = out.readline().decode() if ready else ""
        if "http" not in line:
            self.kill()
            raise AssertionError(f"the host did not start: {line}{(self.folder / 'stderr').read_text()[-2000:]}")
        return next(word for word in line.split() if word.startswith("http"))

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        self.process.kill()
        self._end()

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self.process.terminate()
        return self._end()

    def _end(self) -> int:
        code = self.process.wait(_PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    @property
    def keys(self) -> HostKeys:
        return load_keys(self.folder / "keys.json", rng=os.urandom)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(folder: Path, *, config: str = HURRIED, listen: str = "127.0.0.1:0") -> Iterator[HostProcess]:
    """A host, and its end. It must not have failed meanwhile."""
    host = HostProcess(folder, config=config, listen=listen)
    try:
        yield host
    finally:
        code = host.stop() if host.process.poll() is None else host.process.returncode
    assert code == 0, f"exit {code}: {(folder / 'stderr').read_text()[-2000:]}"


def ticket(keys: HostKeys, nonce: bytes) -> bytes:
    """A ticket for a new log, as the host would issue it, good for a day."""
    day = int(time.time() // 86_400) + 1
    body = TicketBody(TICKET_VERSION, DOMAIN, DOMAIN, TicketKind.CREATE_LOG, day, nonce)
    signature = SigningKey(keys.ticket_seed).sign(ticket_statement(body)).signature
    return encode(Ticket(body.version, body.issuer, body.acceptor, body.kind, body.day, body.nonce, signature))

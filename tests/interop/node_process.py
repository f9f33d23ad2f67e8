"""The Node process of tsmls_peer.mjs: one JSON object per line each way."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.interop.peer_api import PeerError, PeerGoneError

HERE = Path(__file__).resolve().parent
PATIENCE_SECONDS = 120.0


def why_absent() -> str | None:
    """What is missing for `TsMlsPeer`, or None."""
    if shutil.which("node") is None:
        return "ts-mls peer: there is no `node` on the path"
    if not (HERE / "node_modules" / "ts-mls").is_dir():
        return "ts-mls peer: tests/interop/node_modules is absent; run `npm ci` in tests/interop"
    return None


class NodeProcess:
    """Started at once; stop it."""

    def __init__(self, *, mended: bool = False, patience: float = PATIENCE_SECONDS) -> None:
        absent = why_absent()
        if absent is not None:
            raise PeerGoneError(absent)
        preload = ["--import", (HERE / "tsmls" / "mend.mjs").as_uri()] if mended else []
        self._patience = patience
        self._last_id = 0
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [str(shutil.which("node")), *preload, str(HERE / "tsmls_peer.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            cwd=HERE,
        )

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._complaints.close()

    def call(self, method: str, **params: object) -> Any:
        """One request; the result, or the peer's error as `PeerError`."""
        self._last_id += 1
        request = {"id": self._last_id, "method": method, "params": params}
        answer = json.loads(self._exchange(json.dumps(request).encode() + b"\n"))
        if answer["id"] != self._last_id:
            raise PeerGoneError(f"ts-mls peer: answer to {answer['id']}, asked {self._last_id}")
        if "error" in answer:
            raise PeerError("ts-mls", answer["error"]["kind"], answer["error"]["message"])
        return answer["result"]

    def _exchange(self, line: bytes) -> bytes:
        writer, reader = self._process.stdin, self._process.stdout
        if writer is None or reader is None or writer.closed:
            raise PeerGoneError("ts-mls peer: it was stopped")
        try:
            writer.write(line)
            writer.flush()
        except BrokenPipeError:
            raise PeerGoneError(f"ts-mls peer: it ended: {self._last_words()}") from None
        if not select.select([reader], [], [], self._patience)[0]:
            self._process.kill()
            raise PeerGoneError(f"ts-mls peer: no answer in {self._patience} s to {line[:200]!r}")
        answer = reader.readline()
        if not answer.endswith(b"\n"):
            raise PeerGoneError(f"ts-mls peer: it ended: {self._last_words()}")
        return answer

    def _last_words(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read()[-2000:].decode(errors="replace")

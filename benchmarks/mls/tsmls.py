"""ts-mls in a Node process of its own, which measures itself: tsmls.mjs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.mls.plan import Plan
from benchmarks.mls.rows import Contender, Key, Row, Sample, Samples

__all__ = ["TsMls", "ts_mls"]

_SCRIPT = Path(__file__).with_name("tsmls.mjs")
_LIBRARY = Path(__file__).parents[2] / "tests/interop/node_modules/ts-mls"
_SUITE = 0x0001


def _sample(answer: dict[str, float], count: int = 1) -> Sample:
    return Sample(answer["cpu"], answer["wall"]).per(count)


class TsMls:
    """Stop it."""

    def __init__(self, node: str, plan: Plan) -> None:
        self._plan = plan
        self._rounds_left = plan.slow_bulk_rounds
        self._process = subprocess.Popen([node, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = f"{json.loads((_LIBRARY / 'package.json').read_text())['version']}"
        self.version += f", Node {self._call('prepare', members=plan.members)['node']}"

    def _call(self, op: str, **parameters: object) -> Any:
        writer, reader = self._process.stdin, self._process.stdout
        if writer is None or reader is None:
            raise RuntimeError("the Node process has no pipes")
        writer.write(json.dumps({"op": op, **parameters}) + "\n")
        writer.flush()
        answer = json.loads(reader.readline() or '{"error": "Node ended"}')
        if "error" in answer:
            raise RuntimeError(f"ts-mls: {answer['error']}")
        return answer

    def messages(self) -> Samples:
        count = self._plan.slow_messages
        answer = self._call("messages", count=count)
        return {
            Key(row, _SUITE, Contender.TS_MLS): _sample(answer[name], count)
            for row, name in ((Row.PROTECT, "protect"), (Row.UNPROTECT, "unprotect"))
        }

    def bulk(self) -> Samples:
        """Nothing once its rounds are used up."""
        if not self._rounds_left:
            return {}
        self._rounds_left -= 1
        answer = self._call("bulk")
        names = {Row.ADD: "add", Row.JOIN: "join", Row.COMMIT: "commit", Row.PROCESS: "process"}
        return {Key(row, _SUITE, Contender.TS_MLS): _sample(answer[name]) for row, name in names.items()}

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)


def ts_mls(plan: Plan) -> TsMls | str:
    """The peer, or why it is absent."""
    node = shutil.which("node")
    if node is None:
        return "ts-mls is absent: there is no `node` on the path"
    if not _LIBRARY.is_dir():
        return "ts-mls is absent: run `npm ci` in tests/interop"
    return TsMls(node, plan)

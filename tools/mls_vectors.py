"""Run the MLS working group's test vector files (mlswg/mls-implementations, test-vectors.md).

    python tools/mls_vectors.py FILE...

The family is told by the fields of a case, so files of the same formats run whatever they are called. Prints
one line a file, then how many cases were of unsupported cipher suites, then `N passed, M failed`. Exit status
1 if any failed.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aparte.crypto import UnsupportedSuite
from aparte.crypto.native import NativeProvider
from tools.vector_families import messages, scenarios, schedules, trees

Case = dict[str, Any]

#: Family by fields that only its cases have; the first that fits, so the more special ones come first.
FAMILIES: tuple[tuple[str, frozenset[str], Callable[[Any, Case], None]], ...] = (
    ("tree-math", frozenset({"n_leaves", "sibling"}), trees.tree_math),
    ("tree-operations", frozenset({"tree_before", "tree_after"}), trees.tree_operations),
    ("tree-validation", frozenset({"tree", "resolutions"}), trees.tree_validation),
    ("treekem", frozenset({"ratchet_tree", "update_paths"}), trees.treekem),
    ("crypto-basics", frozenset({"ref_hash", "expand_with_label"}), schedules.crypto_basics),
    ("secret-tree", frozenset({"sender_data", "leaves"}), schedules.secret_tree),
    ("key-schedule", frozenset({"initial_init_secret", "epochs"}), schedules.key_schedule),
    ("psk_secret", frozenset({"psks", "psk_secret"}), schedules.psk_secrets),
    ("transcript-hashes", frozenset({"interim_transcript_hash_before"}), schedules.transcript_hashes),
    ("deserialization", frozenset({"vlbytes_header", "length"}), messages.deserialization),
    ("messages", frozenset({"mls_welcome", "private_message"}), messages.round_trips),
    ("message-protection", frozenset({"membership_key", "application_priv"}), messages.protection),
    ("welcome", frozenset({"signer_pub", "welcome"}), scenarios.welcome),
    ("passive-client", frozenset({"initial_epoch_authenticator"}), scenarios.passive_client),
)

#: Suites that a provider may lack still have structures and arithmetic that need none.
_WITHOUT_SUITE = 0x0001


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is None for a case that passed; `supported` is False for one that was not tried."""

    family: str
    index: int
    supported: bool
    error: str | None


def family_of(case: Case) -> tuple[str, Callable[[Any, Case], None]]:
    """Raises `ValueError` for a case of no known format."""
    for name, fields, check in FAMILIES:
        if fields <= case.keys():
            return name, check
    raise ValueError(f"no known vector format has the fields {sorted(case)}")


def run_file(path: Path, provider: Any) -> Iterator[Outcome]:
    """The outcome of each case of a file."""
    cases = json.loads(path.read_text())
    if not isinstance(cases, list) or not cases:
        raise ValueError(f"{path} holds no list of cases")
    for index, case in enumerate(cases):
        yield run_case(case, index, provider)


def run_case(case: Case, index: int, provider: Any) -> Outcome:
    family, check = family_of(case)
    try:
        suite = provider.suite(case.get("cipher_suite", _WITHOUT_SUITE))
    except UnsupportedSuite:
        return Outcome(family, index, supported=False, error=None)
    try:
        check(suite, case)
    except Exception:  # noqa: BLE001 - whatever goes wrong is the case's failure, with its traceback
        return Outcome(family, index, supported=True, error=traceback.format_exc())
    return Outcome(family, index, supported=True, error=None)


def run_files(paths: Iterable[Path]) -> int:
    provider, passed, failed, unsupported = NativeProvider(), 0, 0, 0
    for path in paths:
        try:
            outcomes = list(run_file(path, provider))
        except (OSError, ValueError) as error:
            print(f"{path.name}: cannot be read: {error}")
            failed += 1
            continue
        bad = [outcome for outcome in outcomes if outcome.error]
        skipped = sum(not outcome.supported for outcome in outcomes)
        good = len(outcomes) - len(bad) - skipped
        print(f"{path.name}: {outcomes[0].family}: {good} passed, {len(bad)} failed, {skipped} unsupported")
        for outcome in bad:
            print(f"  case {outcome.index}:\n{outcome.error}", file=sys.stderr)
        passed, failed, unsupported = passed + good, failed + len(bad), unsupported + skipped
    print(f"{unsupported} cases of unsupported cipher suites")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(run_files(map(Path, sys.argv[1:])))

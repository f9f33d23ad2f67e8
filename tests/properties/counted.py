"""A suite that counts what is asked of it: work is measured in calls, which no machine's mood can change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from aparte.crypto import Suite
from aparte.crypto.native import NativeProvider

#: Every method of a suite, by what it costs. `test_bounds` compares this with the interface.
DERIVATIONS = {"hash", "mac", "macs", "extract", "expand"}
PUBLIC_KEY_OPERATIONS = {
    "verify", "verify_many", "generate_signer", "generate_kem_key", "derive_kem_key", "hpke_seal", "hpke_seal_many",
    "hpke_open", "hpke_export_to", "hpke_export_from",
}  # fmt: skip
CHEAP = {"random", "seal", "open", "load_signer", "load_kem_key", "check_signature_key", "check_kem_public_key"}


class CountingSuite:
    """Forwards every method to a native suite and counts its calls by name; `macs` counts for each of its MACs."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self.parameters = suite.parameters
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._suite, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.calls[name] += len(arguments) - 1 if name == "macs" else 1
            return method(*arguments, **options)

        return counted

    @property
    def derivations(self) -> int:
        """Calls of the KDF and of the hash."""
        return sum(self.calls[name] for name in DERIVATIONS)

    @property
    def public_key_operations(self) -> int:
        return sum(self.calls[name] for name in PUBLIC_KEY_OPERATIONS)


class CountingProvider:
    """One counting suite."""

    def __init__(self, number: int = 0x0001) -> None:
        self.counted = CountingSuite(NativeProvider().suite(number))

    def suite(self, _number: int) -> CountingSuite:
        return self.counted

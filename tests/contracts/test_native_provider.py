"""The native provider keeps the contract."""

from __future__ import annotations

import pytest

from aparte.crypto.native import NativeProvider
from tests.contracts.hpke_contract import TestHpke, TestHpkeVectors, TestKeysOfAKem
from tests.contracts.provider_contract import (
    TestAead,
    TestHashing,
    TestProvider,
    TestSecretsAndNoise,
    TestSignatures,
)
from tests.contracts.wycheproof_contract import TestWycheproof

__all__ = [
    "TestAead",
    "TestHashing",
    "TestHpke",
    "TestHpkeVectors",
    "TestKeysOfAKem",
    "TestProvider",
    "TestSecretsAndNoise",
    "TestSignatures",
    "TestWycheproof",
]


@pytest.fixture(scope="module")
def make_provider() -> type[NativeProvider]:
    return NativeProvider

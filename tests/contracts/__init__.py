"""Contracts: one suite of tests per interface, which every implementation runs."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.hpke_contract", "tests.contracts.provider_contract", "tests.contracts.wycheproof_contract"
)

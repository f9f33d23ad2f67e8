"""Accounts: genesis, device certificates and manifests, and the rules by which they are believed."""

__all__: list[str] = []

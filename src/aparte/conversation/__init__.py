"""What makes an MLS group and a log one conversation: how entries are sealed, what members agree on, and who may what.

Pure: no I/O, no clock, no randomness of its own.
"""

__all__: list[str] = []

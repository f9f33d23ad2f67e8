"""The engine against other libraries, live. `peers.py` is how the others are called."""

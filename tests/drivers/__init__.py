"""Drivers on real sockets: against a real host, and against hosts that do what none should."""

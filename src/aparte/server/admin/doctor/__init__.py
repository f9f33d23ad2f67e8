"""`aparte doctor`: checks of a host, on its own machine and from outside."""

from aparte.server.admin.doctor.command import doctor

__all__ = ["doctor"]

"""The host under load, beside a host that checks nothing and an echo, in one run."""

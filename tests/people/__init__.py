"""People and a host as processes, with nothing but the `aparte` command between them."""

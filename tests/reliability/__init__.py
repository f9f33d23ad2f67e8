"""What a host promised, it keeps: power cuts, failing disks, `kill -9`, races, hostile links and clocks that step.

`ledger` keeps what clients asked and were told, and holds a host's logs against it; whatever a suite does to a host,
that is what judges it.
"""

"""Steps of scripts that lead into a group from outside, or on to another group."""

from __future__ import annotations

from tests.interop.peer_api import ReInit
from tests.interop.script import Script, Seat

__all__ = ["branch", "external_join", "new_member_proposal", "reinit", "resync"]


def external_join(script: Script) -> bool:
    if len(script.seats) >= script.most_members:
        return False
    peer, client = script.newcomer()
    group, message = client.join_external(script.random.choice(script.seats).group.group_info())
    script.tell(message, but=None)
    script.seats.append(Seat(peer, client, group))
    return True


def resync(script: Script) -> bool:
    """A member joins again by external commit, which removes its former leaf.

    ts-mls knows itself by the signature key that its client began with.
    """
    seat = script.random.choice(script.seats)
    if seat.has_new_signature_key:
        return False
    others = [other for other in script.seats if other is not seat]
    info = script.random.choice(others).group.group_info()
    group, message = seat.client.join_external(info, resync=True)
    script.tell(message, but=seat)
    seat.group = group
    return True


def new_member_proposal(script: Script) -> bool:
    if len(script.seats) >= script.most_members:
        return False
    peer, client = script.newcomer()
    script.tell(client.propose_self(script.random.choice(script.seats).group.group_info()), but=None)
    by = script.random.choice(script.seats)
    made = by.group.commit(public=script.public(by))
    script.tell(made.commit, but=by)
    assert made.welcome is not None
    script.seats.append(Seat(peer, client, client.join(made.welcome)))
    return True


def branch(script: Script) -> bool:
    """The script goes on in the branch, which has all members or all but one."""
    by = script.random.choice(script.seats)
    leaver = script.removable(by) if len(script.seats) > 4 else None
    others = [seat for seat in script.seats if seat not in (by, leaver)]
    packages = [seat.client.key_package() for seat in others]
    started = by.group.branch(script.random.randbytes(16), packages)
    for seat in others:
        seat.group = seat.client.join(started.welcome, tree=started.tree, resuming=seat.group)
    by.group = started.group
    script.seats = [by, *others]
    for seat in script.seats:
        seat.has_new_signature_key = False
    return True


def reinit(script: Script) -> bool:
    """A ReInit is committed, and somebody, not always the committer, sets up the successor."""
    committer = script.random.choice(script.seats)
    planned = ReInit(script.random.randbytes(16), script.suite)
    made = committer.group.commit([planned], public=script.public(committer))
    for seat in script.seats:
        if seat is not committer:
            assert seat.group.process(made.commit).activity == "reinit"
    by = script.random.choice(script.seats)
    clients = {id(seat): seat.peer.client(script.suite, seat.client.identity) for seat in script.seats}
    others = [seat for seat in script.seats if seat is not by]
    packages = [clients[id(seat)].key_package() for seat in others]
    started = by.group.reinit(clients[id(by)], packages)
    for seat in others:
        seat.group = clients[id(seat)].join(started.welcome, tree=started.tree, resuming=seat.group)
    by.group = started.group
    for seat in script.seats:
        seat.client, seat.has_new_signature_key = clients[id(seat)], False
    return True

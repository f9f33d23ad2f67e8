"""What a host says of itself to anybody, `/.well-known/aparte` (field by field: docs/protocol/about.md); `/healthz`."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from aparte.server.accounts import REST_DAYS, TicketPolicy
from aparte.server.accounts import settings as accounts
from aparte.server.blobs.limits import MAX_KEEP_DAYS
from aparte.server.links import MAX_OPEN_NODES, MAX_OPEN_OF_ADDRESS
from aparte.server.pace import Pace
from aparte.server.shell.config import HostConfig
from aparte.server.shell.connections import MAX_PENDING
from aparte.server.shell.exchanges import MAX_HTTP_FRAME
from aparte.server.shell.http import MAX_LINKS, About
from aparte.server.shell.reception import SIGN_UPS
from aparte.server.store.sqlite.retention import LOG_DAYS, STUB_DAYS
from aparte.wire import limits as wire
from aparte.wire.link_frames import PROTOCOL_VERSION

__all__ = ["AboutHttp", "describe"]

_HEADERS: Final = {
    # Anybody's page may read it, and brings nothing of its user's along.
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "public, max-age=300",
    "X-Content-Type-Options": "nosniff",
}


def describe(about: About, config: HostConfig) -> dict[str, Any]:
    """All that a client must know before its first link."""
    return {
        "host": about.host,
        "protocol": PROTOCOL_VERSION,
        "version": about.version,
        "incarnation": about.incarnation.hex(),
        "ticket_key": about.ticket_key.hex(),
        "policy": _policy(config),
        "limits": _limits_of_logs(config) | _limits_of_accounts() | _limits_of_blobs(config),
        "paces": _paces(config),
    }


def _policy(config: HostConfig) -> dict[str, Any]:
    return {
        "sign_up": config.sign_up_policy.value,
        "message_days": wire.MAX_RETENTION_DAYS,
        "stub_days": STUB_DAYS,
        "log_days": LOG_DAYS,
        "blob_days": MAX_KEEP_DAYS,
        "inbox_days": accounts.WAITING_DAYS,
        "name_rest_days": REST_DAYS,
        "deletion_days": accounts.DELETION_DAYS,
        "tickets_per_day": {kind.name.lower(): count for kind, count in TicketPolicy().daily.items()},
    }


def _limits_of_logs(config: HostConfig) -> dict[str, Any]:
    return {
        "frame_bytes": wire.MAX_FRAME,
        "http_frame_bytes": MAX_HTTP_FRAME,
        "body_bytes": wire.MAX_BODY,
        "ephemeral_bytes": wire.MAX_EPHEMERAL,
        "commit_bytes": wire.MAX_COMMIT,
        "page_bytes": wire.MAX_ENTRIES_PAGE,
        "node_age_ms": config.logs.min_node_age,
        "open_items": wire.MAX_OPEN_ITEMS,
        "open_logs": MAX_OPEN_NODES,
        "open_logs_of_address": MAX_OPEN_OF_ADDRESS,
        "pass_days": wire.PASS_DAYS,
        "requests_under_way": MAX_PENDING,
        "links_of_address": MAX_LINKS,
    }


def _limits_of_accounts() -> dict[str, Any]:
    return {
        "inbox_item_bytes": wire.MAX_INBOX_ITEM,
        "inbox_page_bytes": wire.MAX_INBOX_PAGE,
        "inbox_items": {lane.name.lower(): most for lane, most in accounts.LANE_LIMITS.items()},
        "capabilities": wire.MAX_CAPABILITIES,
        "key_package_bytes": wire.MAX_KEY_PACKAGE,
        "key_packages_in_frame": wire.MAX_KEY_PACKAGES,
        "key_packages_in_stock": accounts.MAX_STOCK,
        "key_package_days": accounts.MAX_LIFETIME,
        "genesis_bytes": wire.MAX_GENESIS,
        "manifest_bytes": wire.MAX_MANIFEST,
        "manifests": wire.MAX_MANIFESTS,
        "manifests_bytes": accounts.MAX_HISTORY,
        "name_bytes": wire.MAX_NAME,
        "names_resting": accounts.MAX_RESTING,
        "ticket_bytes": wire.MAX_TICKET,
        "tickets_in_frame": wire.MAX_TICKETS,
    }


def _limits_of_blobs(config: HostConfig) -> dict[str, Any]:
    return {
        "blob_bytes": config.blobs.blob_bytes,
        "upload_hours": config.blobs.unfinished_hours,
        "uploads_of_address": config.blobs.transfers_per_address,
    }


def _paces(config: HostConfig) -> dict[str, Any]:
    found = {
        "posts_of_log": config.logs.posts,
        "kibibytes_of_log": config.logs.kibibytes,
        "ephemerals_of_log": config.logs.ephemerals,
        "commits_of_log": config.logs.commits,
        "frames_of_address": config.frames,
        "links_of_address": config.links,
        "sign_ups_of_address": SIGN_UPS,
        "manifests_of_account": accounts.MANIFESTS,
        "root_proofs_of_account": accounts.ROOT_PROOFS,
        "key_packages_from_device": accounts.PUTS,
        "key_packages_of_account": accounts.FETCHES,
        **{f"drops_in_{lane.name.lower()}": pace for lane, pace in accounts.DROPS.items()},
    }
    return {name: _pace(pace) for name, pace in found.items()}


def _pace(pace: Pace) -> dict[str, float]:
    whole = int(pace.interval)
    return {"interval_ms": whole if whole == pace.interval else round(pace.interval, 6), "burst": pace.burst}


class AboutHttp:
    """The handlers. What is said is the same as long as the host runs."""

    def __init__(self, about: About, config: HostConfig) -> None:
        self._said = (json.dumps(describe(about, config), indent=2) + "\n").encode()

    def routes(self) -> list[web.RouteDef]:
        """To be mounted at the host's root."""
        return [web.get("/.well-known/aparte", self.well_known), web.get("/healthz", self.health)]

    async def well_known(self, _: web.Request) -> web.Response:
        """Keys, limits, policy, version: what a client needs before its first link."""
        return web.Response(body=self._said, content_type="application/json", headers=_HEADERS)

    async def health(self, _: web.Request) -> web.Response:
        """For whoever watches the process."""
        return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})

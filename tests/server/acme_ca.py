"""A certificate authority that speaks ACME (RFC 8555), for tests: strict about what a host sends, with one fault at a
time about what it answers. It really looks for the challenge, and issues for the key of the request.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import josepy
from acme import jws
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.server.admin.authority import Authority

Handler = Callable[["Asked"], Awaitable[web.StreamResponse]]
BEGINS_AND_ENDS = (-1.0, 89.0)


class Refused(Exception):
    """A problem document (§6.7)."""

    def __init__(self, kind: str, detail: str, *, status: int = 403, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.headers = kind, detail, status, headers or {}

    def document(self) -> dict[str, Any]:
        return {"type": f"urn:ietf:params:acme:error:{self.kind}", "detail": self.detail, "status": self.status}


@dataclass
class Order:
    """One, with its one authorization and its one challenge (§7.1.3)."""

    number: int
    names: tuple[str, ...]
    account: str
    token: str
    status: str = "pending"
    looked: str = "pending"
    problem: dict[str, Any] | None = None
    chain: bytes = b""


@dataclass(frozen=True)
class Asked:
    """A signed request, verified (§6.2)."""

    payload: bytes
    account: str | None
    key: Any
    number: int

    def json(self) -> dict[str, Any]:
        found = json.loads(self.payload)
        assert isinstance(found, dict)
        return found


@dataclass
class Ca:
    """How it answers; what is not set is right. `url` is filled in when it listens."""

    authority: Authority
    #: Where port 80 of every name is.
    http_port: int
    url: str = ""
    #: From when to when certificates are valid, in days from now; the last goes on.
    validity: list[tuple[float, float]] = field(default_factory=lambda: [BEGINS_AND_ENDS])
    #: What every signed request of a kind is refused with.
    refusals: dict[str, Refused] = field(default_factory=dict)
    bad_nonces: int = 0
    #: Answers in place of the right ones, by kind.
    instead: dict[str, Callable[[], web.StreamResponse]] = field(default_factory=dict)
    #: The names and the key of what it issues, if they are not those of the request.
    issues_for: tuple[str, ...] = ()
    issues_key: Any = None
    chain: bytes | None = None
    looks_for: str = ""
    suggests: tuple[str, str] | None = None
    may_issue: asyncio.Event = field(default_factory=asyncio.Event)
    #: What a host sent that it must not.
    complaints: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    contacts: list[list[str]] = field(default_factory=list)
    issued: list[x509.Certificate] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    accounts: dict[str, Any] = field(default_factory=dict)
    nonces: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.may_issue.set()

    @property
    def directory(self) -> str:
        return f"{self.url}/directory"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/directory", self._directory)
        app.router.add_route("*", "/nonce", self._nonce)
        app.router.add_get("/renewal/{id}", self._renewal)
        for kind, handler in (
            ("account", self._new_account),
            ("order", self._new_order),
            ("orders", self._order),
            ("authorization", self._authorization),
            ("challenge", self._challenge),
            ("finalize", self._finalize),
            ("certificate", self._certificate),
        ):
            app.router.add_post(f"/{kind}/{{number}}", self._signed(kind, handler))
        return app

    async def _directory(self, _: web.Request) -> web.StreamResponse:
        self.asked["directory"] += 1
        if "directory" in self.instead:
            return self.instead["directory"]()
        return web.json_response(self.places())

    def places(self) -> dict[str, Any]:
        """§7.1.1."""
        places: dict[str, Any] = {"newNonce": f"{self.url}/nonce", "newAccount": f"{self.url}/account/0"}
        places |= {"newOrder": f"{self.url}/order/0", "revokeCert": f"{self.url}/nowhere"}
        if self.suggests is not None:
            places["renewalInfo"] = f"{self.url}/renewal"
        return places | {"meta": {"termsOfService": f"{self.url}/terms"}}

    async def _nonce(self, _: web.Request) -> web.StreamResponse:
        return web.Response(headers=self._headers())

    async def _renewal(self, _: web.Request) -> web.StreamResponse:
        self.asked["renewal"] += 1
        start, end = self.suggests or ("", "")
        return web.json_response({"suggestedWindow": {"start": start, "end": end}})

    def _headers(self) -> dict[str, str]:
        nonce = secrets.token_urlsafe(16)
        self.nonces.add(nonce)
        return {"Replay-Nonce": nonce, "Cache-Control": "no-store"}

    def _signed(self, kind: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked[kind] += 1
            try:
                asked = self._verified(request.path, await request.read(), kind=request.content_type)
                if kind in self.refusals:
                    raise self.refusals[kind]
                if kind in self.instead:
                    return self.instead[kind]()
                return await handler(asked)
            except (AssertionError, KeyError, ValueError) as error:
                self.complaints.append(f"{kind}: {error!r}")
                raise web.HTTPBadRequest from error
            except Refused as refused:
                headers = self._headers() | refused.headers
                return web.json_response(
                    refused.document(), status=refused.status, headers=headers, content_type="application/problem+json"
                )

        return handle

    def _verified(self, path: str, body: bytes, *, kind: str) -> Asked:
        """§6.2: signed by the account's key, or for a new account by its own; each nonce once; for this URL."""
        found = jws.JWS.json_loads(body.decode())
        header = found.signature.combined
        assert kind == "application/jose+json"
        assert header.url == self.url + path, header.url
        assert (header.kid is None) != (header.jwk is None)
        assert (header.jwk is not None) == path.startswith("/account/")
        if header.kid is not None and header.kid not in self.accounts:
            raise Refused("accountDoesNotExist", "who is this?", status=400)
        key = header.jwk or self.accounts[header.kid]
        assert found.verify(key), "the signature"
        assert header.alg == josepy.ES256
        nonce = josepy.b64encode(header.nonce).decode()
        if nonce not in self.nonces or self.bad_nonces > 0:
            self.bad_nonces -= 1
            raise Refused("badNonce", "that nonce was not expected", status=400)
        self.nonces.remove(nonce)
        return Asked(found.payload, header.kid, key, int(path.rpartition("/")[2]))

    async def _new_account(self, asked: Asked) -> web.StreamResponse:
        wanted = asked.json()
        assert wanted["termsOfServiceAgreed"] is True
        name = f"{self.url}/accounts/{josepy.b64encode(asked.key.thumbprint()).decode()}"
        status = 200 if name in self.accounts else 201
        if status == 201:
            self.accounts[name] = asked.key
            self.contacts.append(wanted.get("contact", []))
        return web.json_response({"status": "valid"}, status=status, headers=self._headers() | {"Location": name})

    async def _new_order(self, asked: Asked) -> web.StreamResponse:
        names = tuple(identifier["value"] for identifier in asked.json()["identifiers"])
        order = Order(len(self.orders), names, asked.account or "", secrets.token_urlsafe(24))
        self.orders.append(order)
        headers = self._headers() | {"Location": f"{self.url}/orders/{order.number}"}
        return web.json_response(self._order_body(order), status=201, headers=headers)

    def _order_body(self, order: Order) -> dict[str, Any]:
        body: dict[str, Any] = {
            "status": order.status,
            "identifiers": [{"type": "dns", "value": name} for name in order.names],
            "authorizations": [f"{self.url}/authorization/{order.number}"],
            "finalize": f"{self.url}/finalize/{order.number}",
        }
        if order.status == "valid":
            body["certificate"] = f"{self.url}/certificate/{order.number}"
        return body

    def _mine(self, asked: Asked) -> Order:
        order = self.orders[asked.number]
        assert order.account == asked.account
        return order

    async def _order(self, asked: Asked) -> web.StreamResponse:
        assert asked.payload == b"", "POST-as-GET (§6.3)"
        return web.json_response(self._order_body(self._mine(asked)), headers=self._headers())

    def _challenge_body(self, order: Order) -> dict[str, Any]:
        body = {"type": "http-01", "url": f"{self.url}/challenge/{order.number}", "token": order.token}
        return body | {"status": order.looked} | ({"error": order.problem} if order.problem else {})

    async def _authorization(self, asked: Asked) -> web.StreamResponse:
        assert asked.payload == b"", "POST-as-GET (§6.3)"
        order = self._mine(asked)
        body = {
            "status": order.looked,
            "identifier": {"type": "dns", "value": self.looks_for or order.names[0]},
            "challenges": [
                {"type": "dns-01", "url": f"{self.url}/nowhere", "token": order.token, "status": "pending"},
                self._challenge_body(order),
            ],
        }
        return web.json_response(body, headers=self._headers())

    async def _challenge(self, asked: Asked) -> web.StreamResponse:
        assert asked.json() == {}, "§7.5.1"
        order = self._mine(asked)
        await self._look(order, asked.key)
        link = f'<{self.url}/authorization/{order.number}>;rel="up"'
        return web.json_response(self._challenge_body(order), headers=self._headers() | {"Link": link})

    async def _look(self, order: Order, key: Any) -> None:
        """At what is behind port 80 of the name (§8.3)."""
        where = f"http://127.0.0.1:{self.http_port}/.well-known/acme-challenge/{order.token}"
        expected = f"{order.token}.{josepy.b64encode(key.thumbprint()).decode()}"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(where, headers={"Host": order.names[0]}, allow_redirects=False) as answer,
            ):
                found = await answer.text()
        except aiohttp.ClientError as error:
            found = repr(error)
        order.looked, order.status = ("valid", "ready") if found.rstrip() == expected else ("invalid", "invalid")
        if found.rstrip() != expected:
            order.problem = Refused("unauthorized", f"found something else:\n{found}").document()

    async def _finalize(self, asked: Asked) -> web.StreamResponse:
        order = self._mine(asked)
        if order.status != "ready":
            raise Refused("orderNotReady", f"the order is {order.status}")
        request = x509.load_der_x509_csr(josepy.b64decode(asked.json()["csr"]))
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = request.public_key()
        assert request.is_signature_valid
        assert tuple(names.get_values_for_type(x509.DNSName)) == order.names
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        await self.may_issue.wait()
        begins, ends = self.validity[0] if len(self.validity) == 1 else self.validity.pop(0)
        of = self.issues_for or order.names
        order.chain = self.chain or self.authority.issue(self.issues_key or key, *of, begins=begins, ends=ends)
        order.status = "valid"
        if self.chain is None:
            self.issued += x509.load_pem_x509_certificates(order.chain)[:1]
        return web.json_response(self._order_body(order), headers=self._headers())

    async def _certificate(self, asked: Asked) -> web.StreamResponse:
        order = self._mine(asked)
        return web.Response(body=order.chain, content_type="application/pem-certificate-chain", headers=self._headers())


@asynccontextmanager
async def listening(ca: Ca) -> AsyncIterator[Ca]:
    """On a port of its own, over https."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*ca.authority.certify("localhost", label="directory"))
    runner = web.AppRunner(ca.app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        ca.url = f"https://localhost:{runner.addresses[0][1]}"
        yield ca
        assert not ca.complaints
    finally:
        ca.may_issue.set()
        await runner.cleanup()

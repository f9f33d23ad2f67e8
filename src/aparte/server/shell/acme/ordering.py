"""One certificate from a CA, through the `acme` library: account, order, challenge, finalization (RFC 8555 §7).

Synchronous, for a thread of its own. Of the challenges HTTP-01 is answered. What comes back is looked at before it
takes the old certificate's place.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import josepy
import requests
from acme import challenges, crypto_util, errors, messages
from acme.client import ClientV2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aparte.server.shell.acme.challenges import Challenges
from aparte.server.shell.acme.errors import AcmeFailed, plain
from aparte.server.shell.acme.network import Line
from aparte.server.shell.acme.settings import AcmeSettings
from aparte.server.shell.acme.shelf import Key, PendingOrder, Shelf, key_pem, load_key, new_key

__all__ = ["Applicant"]

#: For the CA's look at the challenge, and for the certificate.
_PATIENCE: Final = timedelta(seconds=90)
_MOST_CERTIFICATES: Final = 10


@dataclass(frozen=True, slots=True)
class Applicant:
    """A host that asks its CA for a certificate in its name."""

    settings: AcmeSettings
    domain: str
    shelf: Shelf
    challenges: Challenges
    stopping: threading.Event

    def obtain(self) -> None:
        """A new certificate is on the shelf. Raises `AcmeFailed`; then the old one still is."""
        with self._asking() as (line, client):
            self._register(client)
            key, chain = self._resumed(client) or self._ordered(client, line)
            self.shelf.put_certificate(chain, key)

    def suggested(self, pem: bytes) -> datetime | None:
        """When the CA would have the certificate renewed (RFC 9773), if it says. Raises `AcmeFailed`."""
        with self._asking() as (_, client):
            return client.renewal_time(pem)[0]

    @contextlib.contextmanager
    def _asking(self) -> Iterator[tuple[Line, ClientV2]]:
        """Whatever goes wrong inside is an `AcmeFailed`."""
        line = Line(self.shelf.account_key(), self.stopping)
        try:
            yield line, line.client(self.settings.directory)
        except AcmeFailed:
            raise
        except requests.RequestException as error:
            raise AcmeFailed(plain(f"the CA cannot be asked: {_cause(error)}"), pause=line.pause()) from error
        except errors.ValidationError as error:
            raise AcmeFailed(_why_not(error, self.domain), heard=True, pause=line.pause()) from error
        except errors.TimeoutError as error:
            raise AcmeFailed("the CA did not come to an end in time", heard=True) from error
        except (errors.Error, josepy.errors.Error) as error:
            raise AcmeFailed(plain(f"the CA: {_words(error)}"), heard=True, pause=line.pause()) from error
        except OSError as error:
            raise AcmeFailed(f"cannot keep what the CA gives: {error}", heard=True) from error
        except Exception as error:
            # The library takes the shape of many answers for granted.
            raise AcmeFailed(plain(f"the CA answers what cannot be read: {error!r}"), heard=True) from error
        finally:
            line.close()

    def _register(self, client: ClientV2) -> None:
        """With the account of our key, which is made if there is none (§7.3, §7.3.1)."""
        if client.external_account_required():
            raise AcmeFailed("the CA gives certificates to accounts that it knows otherwise, and to no others")
        contact = {} if self.settings.contact is None else {"contact": (self.settings.contact,)}
        asked = messages.NewRegistration(terms_of_service_agreed=True, **contact)
        try:
            client.new_account(asked)
        except errors.ConflictError as known:
            client.net.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())

    def _resumed(self, client: ClientV2) -> tuple[Key, bytes] | None:
        """What an order before a crash led to, if anything: the CA counts certificates, fetched or not."""
        pending = self.shelf.pending(self.domain)
        if pending is None:
            return None
        key = load_key(pending.key.encode(), of=self.shelf.folder)
        order = messages.OrderResource(
            uri=pending.uri,
            body=messages.Order(finalize=pending.finalize),
            csr_pem=crypto_util.make_csr(pending.key.encode(), [self.domain]),
        )
        try:
            chain = _chain_of(client.poll_finalization(order, _deadline()))
            _require_good(chain, key, domain=self.domain)
            return key, chain
        except requests.RequestException:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the next order is not to stumble over it
            self.shelf.note_pending(None)
            return None

    def _ordered(self, client: ClientV2, line: Line) -> tuple[Key, bytes]:
        """A new order, all the way (§7.4). A new key each time."""
        key = new_key()
        order = client.new_order(crypto_util.make_csr(key_pem(key).encode(), [self.domain]))
        with contextlib.ExitStack() as stack:
            for authorization in order.authorizations:
                stack.enter_context(self._answered(client, authorization.body, line=line))
            order = client.poll_authorizations(order, _deadline())
        pending = PendingOrder(self.domain, order.uri, order.body.finalize, key_pem(key))
        self.shelf.note_pending(pending)
        try:
            chain = _chain_of(client.finalize_order(order, _deadline()))
            _require_good(chain, key, domain=self.domain)
            return key, chain
        except (requests.RequestException, errors.TimeoutError):
            raise  # it may yet come to something
        except Exception:
            self.shelf.note_pending(None)
            raise

    @contextlib.contextmanager
    def _answered(self, client: ClientV2, authorization: messages.Authorization, *, line: Line) -> Iterator[None]:
        """The CA has been told to look, and finds what it looks for (§7.5.1)."""
        if authorization.identifier.value != self.domain:
            raise AcmeFailed("the CA asks for authority over another name", heard=True)
        if authorization.status == messages.STATUS_VALID:
            yield
            return
        for offered in authorization.challenges:
            if isinstance(offered.chall, challenges.HTTP01):
                response, content = offered.chall.response_and_validation(line.key)
                with self.challenges.answering(offered.chall.encode("token"), content):
                    client.answer_challenge(offered, response)
                    yield
                return
        raise AcmeFailed("the CA does not offer HTTP-01 for this name", heard=True)


def _deadline() -> datetime:
    return datetime.now() + _PATIENCE  # noqa: DTZ005 - what the library compares it with


def _chain_of(order: messages.OrderResource) -> bytes:
    return order.fullchain_pem.encode()


def _require_good(chain: bytes, key: Key, *, domain: str) -> None:
    """For our key and our name, and valid now."""
    try:
        found = x509.load_pem_x509_certificates(chain)
        names = found[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        own = found[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise AcmeFailed(f"the CA issued what is no certificate for a host: {error}", heard=True) from error
    now = datetime.now(UTC)
    if len(found) > _MOST_CERTIFICATES:
        raise AcmeFailed("the CA issued a chain that is too long", heard=True)
    if own != key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
        raise AcmeFailed("the CA issued a certificate for another key", heard=True)
    if domain not in [name.lower() for name in names.get_values_for_type(x509.DNSName)]:
        raise AcmeFailed("the CA issued a certificate for another name", heard=True)
    if not found[0].not_valid_before_utc <= now < found[0].not_valid_after_utc:
        raise AcmeFailed("the CA issued a certificate that is not valid now. Is the clock right?", heard=True)


def _why_not(error: errors.ValidationError, domain: str) -> str:
    said = [
        str(challenge.error.detail or challenge.error)
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]
    return plain(f"the CA looked for its challenge at http://{domain}/ and did not find it: {'; '.join(said)}")


def _cause(error: requests.RequestException) -> str:
    """Without the library's account of its tries."""
    return str(getattr(error.args[0], "reason", None) or error) if error.args else repr(error)


def _words(error: Any) -> str:
    """In the CA's words, or else in the library's."""
    problem = getattr(error, "error", error)
    return str(getattr(problem, "detail", None) or problem or repr(error))

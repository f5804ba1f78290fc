"""How the city's intake is reached, and how this gateway shows there who it is: an operator's settings, checked."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from yarl import URL

if TYPE_CHECKING:
    from pathlib import Path

_FIRST_PRINTABLE: Final = 33
_LAST_PRINTABLE: Final = 126


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth 2.0 client (RFC 6749, 4.4): ``client`` and ``secret`` are shown at ``token_url`` for a token.

    ``scope`` is what the token is to be good for, "" for what the server gives by itself.
    """

    token_url: str
    client: str
    secret: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """The way in: everything empty is a plain connection with nothing but the signature.

    ``token`` is a bearer token (RFC 6750) that lasts, ``oauth`` gets one and renews it. ``certificate`` and ``key`` are
    PEM files that this side shows (mTLS), ``authority`` one of who signed the other side's instead of the machine's own
    list. ``proxy`` is http(s)://[user:password@]host:port. The token is shown to the house that takes the tickets and
    to those of ``token_for`` (URLs) alone. Raises ValueError for what contradicts itself.
    """

    token: str = field(default="", repr=False)
    oauth: ClientCredentials | None = None
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    proxy: str = field(default="", repr=False)
    token_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token and self.oauth:
            raise ValueError("token and oauth both say who we are: take one of them away")
        if not all(_FIRST_PRINTABLE <= ord(character) <= _LAST_PRINTABLE for character in self.token):
            raise ValueError(
                "token has blanks, line ends or letters beyond ASCII: give what stands after Bearer"
            )
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both or neither")
        if self.oauth is not None and not self.oauth.secret:
            raise ValueError("oauth has no client_secret: put it into the credential intake/client-secret")
        if self.proxy:
            read_url("proxy", self.proxy)
        if self.oauth is not None:
            read_url("oauth.token_url", self.oauth.token_url)
        for url in self.token_for:
            read_url("token_for", url)

    def may_show_token(self, url: URL, home: URL) -> bool:
        """Whether the token may go to ``url``, tickets going to ``home``: of its origin (RFC 6454), or a named one."""
        known = (home, *map(URL, self.token_for))
        return any((one.scheme, one.host, one.port) == (url.scheme, url.host, url.port) for one in known)

    def make_context(self) -> ssl.SSLContext:
        """The TLS that this way needs. Raises ValueError for a file that cannot be used; it names it."""
        try:
            context = ssl.create_default_context(cafile=self.authority and str(self.authority))
        except (OSError, ssl.SSLError) as error:
            raise ValueError(
                f"authority {self.authority}: {error}; give the PEM file of who signed the intake's certificate"
            ) from error
        if self.certificate is not None:
            try:
                # Without a password: one that is asked for on a terminal would hold up the service.
                context.load_cert_chain(self.certificate, self.key, password="")
            except (OSError, ssl.SSLError) as error:
                raise ValueError(
                    f"certificate {self.certificate}, key {self.key}: {error}; give a certificate and its key (PEM, "
                    "no password), readable for the services' user"
                ) from error
        return context


def read_url(what: str, text: str) -> URL:
    """The URL that ``text`` is; raises ValueError, which calls it ``what`` and quotes no password."""
    try:
        url = URL(text)
        wrong = url.scheme not in {"http", "https"} or not url.host
    except ValueError:
        wrong = True
    if wrong:
        shown = "" if "@" in text else f" {text!r}"
        raise ValueError(f"{what}{shown} is not of the form http(s)://host[:port]/path")
    return url

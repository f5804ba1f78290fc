"""How a house that is posted to is reached, and how this gateway shows there who it is: the settings of it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.site.section import Section
from tickets.access import Access, ClientCredentials


class OAuthSettings(Section):
    """An OAuth 2.0 client (client credentials). ``client_secret`` is better a credential, ``intake/client-secret``."""

    token_url: Annotated[str, Field(min_length=1)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: str = ""
    scope: str = ""


class WayIn(Section):
    """``token``, ``oauth``, ``certificate`` and ``key``, ``authority`` and ``proxy`` are `tickets.access.Access`."""

    token: str = ""
    oauth: OAuthSettings | None = None
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    proxy: str = ""

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both or neither")
        return self

    @property
    def access(self) -> Access:
        """The way there. Raises ValueError for what contradicts itself, or is incomplete."""
        oauth = None
        if (client := self.oauth) is not None:
            oauth = ClientCredentials(client.token_url, client.client_id, client.client_secret, client.scope)
        return Access(self.token, oauth, self.certificate, self.key, self.authority, self.proxy)

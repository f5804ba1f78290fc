"""The settings of text messages to callers."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import Annotated

from pydantic import Field

from gateway.site.way_in import WayIn
from tickets.sms.wording import Templates


class SmsSettings(WayIn):
    """``provider`` is a file that describes the operator's gateway (`tickets.sms.provider`); null: nothing is sent.

    ``secret`` stands for ``{secret}`` there, better the credential ``sms/secret``. ``signature`` (签名) goes before
    each of the ``templates``; "" where the gateway adds it. The rest is the way there.
    """

    provider: Path | None = None
    secret: str = ""
    signature: Annotated[str, Field(max_length=20)] = "【阜阳12345】"
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    per_second: Annotated[float, Field(ge=0, le=1000)] = 0.0
    templates: Templates = Templates()

"""What the page counts and measures: its requests, by route, so that no call or name becomes a label."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REGISTRY: Final = CollectorRegistry()

REQUESTS: Final = Counter(
    "hotline_console_requests",
    "Requests answered, by route and status.",
    ["route", "status"],
    registry=REGISTRY,
)
DURATION: Final = Histogram(
    "hotline_console_request_seconds",
    "From a request to the start of its answer, by route; streams of events last as long as they are followed.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0),
    registry=REGISTRY,
)
LIVE_EVENTS_SKIPPED: Final = Counter(
    "hotline_console_live_events_skipped",
    "Events of calls in progress that could not be read: by a gateway of another version, or broken.",
    registry=REGISTRY,
)


@web.middleware
async def count_requests(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Outermost: what it counts is what the client got, a fault of ours (500) included."""
    resource = request.match_info.route.resource
    route = f"{request.method} {resource.canonical}" if resource else "none"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    try:
        with DURATION.labels(route).time():
            response = await handler(request)
        status = HTTPStatus(response.status)
    finally:
        REQUESTS.labels(route, int(status)).inc()
    return response

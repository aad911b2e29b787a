"""What is counted of every request."""

from functools import lru_cache

from prometheus_client import Histogram

REQUEST_SECONDS = Histogram(
    "cueline_request_seconds",
    "Time from the first middleware to the answer.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
# A scanner may send any word as a method; each would be a series of its own.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def note_request(*, method: str, route: str, status: int, seconds: float) -> None:
    _series(method if method in METHODS else "other", route, status).observe(seconds)


@lru_cache(maxsize=1024)
def _series(method: str, route: str, status: int) -> Histogram:
    return REQUEST_SECONDS.labels(method, route, str(status))

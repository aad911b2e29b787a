"""Which answers carry a content policy."""

import pytest
from django.test import Client

from tests.support.calling import ACCOUNT, Caller


@pytest.mark.parametrize("path", ["/admin/login/", "/healthz", "/nowhere", "/api/nowhere"])
def test_pages_carry_a_policy(client: Client, db: None, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_json_carries_none_and_is_never_sniffed(caller: Caller) -> None:
    headers = caller.get(ACCOUNT).headers

    assert "Content-Security-Policy" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"

"""Makes the call of a webhook step: URL, headers and body of one person, signed; sends nothing."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.egress import calls as egress
from events.language.placed_tags import has_tag
from events.language.steps import WebhookStep
from events.language.steps.kinds.webhook import masked_url
from events.services.engine import mails
from events.services.engine.claimed import ClaimedEnrollment
from subscribers.ids import encode
from subscribers.services.consent import mail as confirmation_mail
from subscribers.templating import mail as rendering
from subscribers.templating import merge_tags
from subscribers.templating.reader import Reader

MASK = "…"
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCall:
    method: str
    url: str
    # Without the signature.
    headers: Mapping[str, str]
    body: bytes
    # The headers that the step gives: their values may be secrets.
    given: frozenset[str]

    @property
    def masked_headers(self) -> Mapping[str, str]:
        """The headers as people may see them."""
        return {name: MASK if name in self.given else value for name, value in self.headers.items()}

    @property
    def masked_url(self) -> str:
        """The URL as people may see it who may not edit the step."""
        return masked_url(self.url)


def make(*, enrollment: ClaimedEnrollment, step: WebhookStep, now: datetime) -> WebhookCall:
    """Return the call; raises `TemplateFault`, and `UnsafeAddress` where a value spoils the URL."""
    data = mails.merge_data(enrollment)
    reader = confirmation_mail.reader_of(
        subscriber=enrollment.subscriber, workspace=enrollment.workspace, now=now
    )
    headers = {"Content-Type": "application/json", "User-Agent": "Cueline"}
    folded = {name.lower(): name for name in headers}
    for name, template in step.headers.items():
        value = rendering.render(template, data, is_html=False, reader=reader)
        headers.pop(folded.get(name.lower(), ""), None)
        headers[name] = rendering.header_text(value)
    return WebhookCall(
        method=step.method,
        url=_url(step, data, reader),
        headers=headers,
        body=_body(enrollment, step, data, reader),
        given=frozenset(step.headers),
    )


def signed_headers(
    *, call: WebhookCall, enrollment: ClaimedEnrollment, now: datetime
) -> dict[str, str]:
    """Return the call's headers with both signatures, that of Standard Webhooks and our own."""
    secret, timestamp = enrollment.workspace.webhook_secret, int(now.timestamp())
    delivery = enrollment.row.mail_cause
    # Readers of headers take bytes for Latin-1; ours are UTF-8.
    own = {name: value.encode().decode("latin-1") for name, value in call.headers.items()}
    return {
        **own,
        "Cueline-Delivery": delivery,
        "Cueline-Timestamp": str(timestamp),
        "Cueline-Signature": egress.sign(secret=secret, timestamp=timestamp, body=call.body),
        **sign_as_standard(secret=secret, delivery=delivery, timestamp=timestamp, body=call.body),
    }


def sign_as_standard(*, secret: str, delivery: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks, for a secret that is shown as Base64 of its text."""
    signed = b"%b.%d.%b" % (delivery.encode(), timestamp, body)
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "webhook-id": delivery,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def payload(
    enrollment: ClaimedEnrollment, step: WebhookStep, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is sent where the step gives no body."""
    started_by = enrollment.row.started_by_id
    return {
        "type": "sequence.step",
        "sequence": {"id": enrollment.row.sequence.public_id, "name": enrollment.row.sequence.name},
        "enrollmentId": enrollment.row.public_id,
        "stepId": step.id,
        "subscriber": data["subscriber"],
        "event": {"id": started_by and encode("evt", started_by), "properties": data["event"]},
        "workspace": data["workspace"],
    }


def _url(step: WebhookStep, data: Mapping[str, Any], reader: Reader) -> str:
    origin, rest = step.url_parts()
    made = merge_tags.render_url(rest, data, reader=reader)
    # A value may not lead to another path: its slashes are encoded, but dots cannot be.
    if made != rest and _DOTS.search(re.split("[?#]", made)[0]):
        raise egress.UnsafeAddress("has a part . or .. in its path.")
    return origin + made


def _body(
    enrollment: ClaimedEnrollment, step: WebhookStep, data: Mapping[str, Any], reader: Reader
) -> bytes:
    if step.method == "GET":
        return b""
    made = (
        _filled(step.parsed_body(), data, reader) if step.body else payload(enrollment, step, data)
    )
    return json.dumps(made, separators=(",", ":")).encode()


def _filled(value: Any, data: Mapping[str, Any], reader: Reader) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON with its merge tags filled in; one tag alone keeps its value's type."""
    if isinstance(value, dict):
        return {name: _filled(each, data, reader) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, data, reader) for each in value]
    if not isinstance(value, str):
        return value
    if has_tag(value) and merge_tags.is_lone(value):
        return merge_tags.value_of(value, data, reader=reader)
    return rendering.render(value, data, is_html=False, reader=reader)

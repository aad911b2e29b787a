"""The naive way, frozen: a nested serializer, and `get_or_create` for each thing an event names.

What a first version in any Django project looks like. It is here to be measured against, not to
be improved.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

from config import process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
process.mark_as_web()
django.setup()
settings.ROOT_URLCONF = __name__

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django is set up by now
from django.urls import path  # noqa: E402 - as above
from rest_framework import serializers  # noqa: E402 - as above
from rest_framework.parsers import JSONParser  # noqa: E402 - as above
from rest_framework.permissions import AllowAny  # noqa: E402 - as above
from rest_framework.request import Request  # noqa: E402 - as above
from rest_framework.response import Response  # noqa: E402 - as above
from rest_framework.views import APIView  # noqa: E402 - as above

from events.models import Event, EventDefinition, SyncRule, SyncRuleTag  # noqa: E402 - as above
from subscribers.models import ApiKey, Subscriber, SubscriberTag  # noqa: E402 - as above

if TYPE_CHECKING:
    from wsgiref.types import StartResponse


class EventSerializer(serializers.Serializer[Any]):
    """One event of the request."""

    name = serializers.CharField(max_length=200)
    eventId = serializers.CharField(max_length=255, required=False)  # noqa: N815 - the wire's
    properties = serializers.JSONField(required=False, default=dict)


class BulkSerializer(serializers.Serializer[Any]):
    """The request."""

    email = serializers.EmailField()
    events = EventSerializer(many=True)


class BulkView(APIView):
    """Stores a request event by event."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (JSONParser,)

    def post(self, request: Request) -> Response:
        text = request.headers["Authorization"].removeprefix("Bearer ")
        key = ApiKey.objects.select_related("workspace").get(prefix=text.rpartition("_")[0])
        serializer = BulkSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        now = datetime.now(tz=UTC)
        subscriber, is_created = Subscriber.objects.get_or_create(
            workspace=key.workspace, email_key=data["email"], defaults={"email": data["email"]}
        )
        answers = []
        for each in data["events"]:
            definition, is_defined = EventDefinition.objects.get_or_create(
                workspace=key.workspace, name=each["name"]
            )
            event, _ = Event.objects.get_or_create(
                subscriber=subscriber,
                definition=definition,
                event_id=each.get("eventId"),
                defaults={
                    "workspace": key.workspace,
                    "occurred_at": now,
                    "received_at": now,
                    "properties": each["properties"],
                },
            )
            rules = SyncRule.objects.filter(workspace=key.workspace, trigger_event=each["name"])
            for link in SyncRuleTag.objects.filter(rule__in=rules, role=SyncRuleTag.Role.ADD):
                SubscriberTag.objects.get_or_create(
                    subscriber=subscriber, tag_id=link.tag_id, workspace=key.workspace
                )
            answers.append(
                {"id": event.public_id, "name": each["name"], "definitionCreated": is_defined}
            )
        who = {"id": subscriber.public_id, "email": subscriber.email, "created": is_created}
        return Response({"success": True, "subscriber": who, "events": answers})


urlpatterns = [path("api/v1/subscribers/events/bulk", BulkView.as_view())]
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Answer as Django does."""
    return _django(environ, start_response)

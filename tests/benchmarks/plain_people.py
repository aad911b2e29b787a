"""Subscribers by a bare ModelViewSet, frozen: what a sensible developer writes with DRF alone.

Model serializers over the fields that the product answers, with what they need prefetched. It is
here to be measured against. The product's own paths are served beside it, by the same middleware
and with the same authentication.
"""

from typing import Any, ClassVar

from django.db.models import Count
from rest_framework import pagination, renderers, serializers, viewsets
from rest_framework.routers import SimpleRouter

from config import urls
from events.models import Enrollment, Event
from subscribers.api.authentication import ApiKeyAuthentication
from subscribers.models import ListMembership, MailActivity, OutgoingEmail, Subscriber

FIELDS = [
    "id", "email", "external_id", "first_name", "last_name", "status", "tags", "attributes",
    "timezone", "created_at", "updated_at", "unsubscribed_at",
]  # fmt: skip
MOST = 50


class SubscriberSerializer(serializers.ModelSerializer[Subscriber]):
    tags = serializers.SerializerMethodField()

    class Meta:
        model = Subscriber
        fields = FIELDS

    def get_tags(self, row: Subscriber) -> list[str]:
        return sorted(link.tag.name for link in row.tag_links.all())


class JoinedSerializer(serializers.ModelSerializer[ListMembership]):
    name = serializers.CharField(source="list.name")
    description = serializers.CharField(source="list.description")
    is_private = serializers.BooleanField(source="list.is_private")

    class Meta:
        model = ListMembership
        fields: ClassVar = [
            "list",
            "name",
            "description",
            "is_private",
            "subscribed_at",
            "unsubscribed_at",
        ]


class EventSerializer(serializers.ModelSerializer[Event]):
    name = serializers.CharField(source="definition.name")

    class Meta:
        model = Event
        fields: ClassVar = ["id", "name", "occurred_at", "properties"]


class ActivitySerializer(serializers.ModelSerializer[MailActivity]):
    class Meta:
        model = MailActivity
        fields: ClassVar = ["id", "kind", "at", "email", "url", "bounce_type", "quality", "reasons"]


class EnrollmentSerializer(serializers.ModelSerializer[Enrollment]):
    name = serializers.CharField(source="sequence.name")
    sequence_status = serializers.CharField(source="sequence.status")
    step_key = serializers.CharField(source="step.key", default=None)

    class Meta:
        model = Enrollment
        fields: ClassVar = [
            "id", "sequence", "name", "sequence_status", "status", "step_key",
            "entered_at", "due_at", "updated_at",
        ]  # fmt: skip


class DetailSerializer(SubscriberSerializer):
    lists = serializers.SerializerMethodField()
    events = serializers.SerializerMethodField()
    mail_activity = serializers.SerializerMethodField()
    email_stats = serializers.SerializerMethodField()
    enrollments = serializers.SerializerMethodField()

    class Meta:
        model = Subscriber
        fields: ClassVar = [
            *FIELDS,
            "lists",
            "events",
            "mail_activity",
            "email_stats",
            "enrollments",
        ]

    def get_lists(self, row: Subscriber) -> Any:
        rows = ListMembership.objects.filter(subscriber=row).select_related("list")
        return JoinedSerializer(rows.order_by("list__name"), many=True).data

    def get_events(self, row: Subscriber) -> Any:
        rows = row.events.select_related("definition").order_by("-occurred_at", "-id")[:MOST]
        return EventSerializer(rows, many=True).data

    def get_mail_activity(self, row: Subscriber) -> Any:
        rows = MailActivity.objects.filter(subscriber=row).order_by("-at", "-id")[:MOST]
        return ActivitySerializer(rows, many=True).data

    def get_email_stats(self, row: Subscriber) -> dict[str, int]:
        sent = OutgoingEmail.objects.filter(subscriber=row, status="sent").count()
        rows = MailActivity.objects.filter(subscriber=row).exclude(quality="machine").order_by()
        counted = rows.values_list("kind").annotate(mails=Count("email", distinct=True))
        return {"sent": sent, **dict(counted)}

    def get_enrollments(self, row: Subscriber) -> Any:
        rows = Enrollment.objects.filter(subscriber=row).select_related("sequence", "step")
        return EnrollmentSerializer(rows.order_by("-entered_at", "-id")[:MOST], many=True).data


class Counted(pagination.LimitOffsetPagination):
    """DRF's commonest, which counts."""


class ByCursor(pagination.CursorPagination):
    ordering = "-id"
    page_size_query_param = "limit"


class PlainView(viewsets.ModelViewSet[Subscriber]):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = ()
    renderer_classes = (renderers.JSONRenderer,)
    pagination_class: Any = Counted
    lookup_field = "email_key"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> Any:
        api_key: Any = self.request.auth
        rows = Subscriber.objects.filter(workspace=api_key.workspace)
        return rows.prefetch_related("tag_links__tag").order_by("-id")

    def get_serializer_class(self) -> Any:
        return DetailSerializer if self.action == "retrieve" else SubscriberSerializer


class PlainByCursorView(PlainView):
    pagination_class = ByCursor


router = SimpleRouter(trailing_slash=False)
router.register("plain/subscribers", PlainView, "plain")
router.register("plain/by-cursor", PlainByCursorView, "plain-by-cursor")
urlpatterns = [*router.urls, *urls.urlpatterns]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500

"""The audience's paths under `/api/v1/`."""

from django.urls import path

from subscribers.api.account import AccountView, MeView
from subscribers.api.api_keys import KeysView, KeyView
from subscribers.api.attributes import AttributesView
from subscribers.api.list_members import LeaveView, MembersView
from subscribers.api.lists import ListsView, ListView
from subscribers.api.subscriber_imports import ImportsView, ImportView
from subscribers.api.subscribers import (
    PersonByQueryView,
    PersonView,
    SubscribersView,
    UnsubscribeView,
)
from subscribers.api.suppressions import SuppressionsView, SuppressionView
from subscribers.api.tagging import (
    BulkTagView,
    BulkUntagView,
    TagOftenView,
    TagOneView,
    UntagView,
)
from subscribers.api.tags import TagsView, TagView
from subscribers.api.timeline import TimelineView

EXTERNAL = "subscribers/external/<path:external_id>"

# The first match answers: words stand before addresses.
urlpatterns = [
    path("account", AccountView.as_view(), name="account"),
    path("api-keys", KeysView.as_view(), name="api-keys"),
    path("api-keys/<str:key_id>", KeyView.as_view(), name="api-key"),
    path("lists", ListsView.as_view(), name="lists"),
    path("lists/<str:list_id>", ListView.as_view(), name="list"),
    path("lists/<str:list_id>/subscribers", MembersView.as_view(), name="list-members"),
    path("lists/<str:list_id>/subscribers/remove", LeaveView.as_view(), name="list-leave"),
    path("subscribers", SubscribersView.as_view(), name="subscribers"),
    path("subscribers/attributes", AttributesView.as_view(), name="attributes"),
    path("subscribers/imports", ImportsView.as_view(), name="imports"),
    path("subscribers/imports/<str:import_id>", ImportView.as_view(), name="import"),
    path("subscribers/me", MeView.as_view(), name="me"),
    path("subscribers/tags", TagOneView.as_view(), name="tag-one"),
    path("subscribers/tags/bulk", TagOftenView.as_view(), name="tag-often"),
    path("subscribers/tags/remove", UntagView.as_view(), name="untag-one"),
    path("subscribers/bulk/tags/add", BulkTagView.as_view(), name="tag-many"),
    path("subscribers/bulk/tags/remove", BulkUntagView.as_view(), name="untag-many"),
    path("subscribers/external", PersonByQueryView.as_view(), name="subscriber-by-query"),
    path(f"{EXTERNAL}/unsubscribe", UnsubscribeView.as_view(), name="unsubscribe-by-external-id"),
    path(f"{EXTERNAL}/timeline", TimelineView.as_view(), name="timeline-by-external-id"),
    path(EXTERNAL, PersonView.as_view(), name="subscriber-by-external-id"),
    path("subscribers/<str:email>/unsubscribe", UnsubscribeView.as_view(), name="unsubscribe-one"),
    path("subscribers/<str:email>/timeline", TimelineView.as_view(), name="timeline"),
    path("subscribers/<str:email>", PersonView.as_view(), name="subscriber"),
    path("suppressions", SuppressionsView.as_view(), name="suppressions"),
    path("suppressions/<str:address>", SuppressionView.as_view(), name="suppression"),
    path("tags", TagsView.as_view(), name="tags"),
    path("tags/<str:tag_id>", TagView.as_view(), name="tag"),
]

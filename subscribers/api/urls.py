"""The audience's paths under `/api/v1/`."""

from django.urls import path

from subscribers.api.account import AccountView
from subscribers.api.subscribers import (
    PersonByQueryView,
    PersonView,
    SubscribersView,
    UnsubscribeView,
)
from subscribers.api.tags import TagsView, TagView

urlpatterns = [
    path("account", AccountView.as_view(), name="account"),
    path("subscribers", SubscribersView.as_view(), name="subscribers"),
    path("subscribers/external", PersonByQueryView.as_view(), name="subscriber-by-query"),
    path(
        "subscribers/external/<path:external_id>/unsubscribe",
        UnsubscribeView.as_view(),
        name="unsubscribe-by-external-id",
    ),
    path(
        "subscribers/external/<path:external_id>",
        PersonView.as_view(),
        name="subscriber-by-external-id",
    ),
    path("subscribers/<str:email>/unsubscribe", UnsubscribeView.as_view(), name="unsubscribe-one"),
    path("subscribers/<str:email>", PersonView.as_view(), name="subscriber"),
    path("tags", TagsView.as_view(), name="tags"),
    path("tags/<str:tag_id>", TagView.as_view(), name="tag"),
]

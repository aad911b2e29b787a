"""The audience's paths under `/api/v1/`."""

from django.urls import path

from subscribers.api.account import AccountView

urlpatterns = [path("account", AccountView.as_view(), name="account")]

"""Tests of `subscribers.services.subscriber_imports`."""

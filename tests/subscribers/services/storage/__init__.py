"""Tests of `subscribers.services.storage`."""

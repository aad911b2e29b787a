"""Tests of `subscribers.services.dispatch`."""

"""Tests of `subscribers.services.admission`."""

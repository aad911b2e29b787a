"""Tests of `subscribers.services.imports`."""

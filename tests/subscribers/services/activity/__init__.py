"""Tests of `subscribers.services.activity`."""

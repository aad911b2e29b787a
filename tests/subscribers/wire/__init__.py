"""Tests of `subscribers.wire`."""

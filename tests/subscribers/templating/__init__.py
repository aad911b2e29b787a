"""Tests of `subscribers.templating`."""

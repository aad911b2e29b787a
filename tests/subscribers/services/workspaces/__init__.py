"""Tests of `subscribers.services.workspaces`."""

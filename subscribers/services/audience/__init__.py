"""Subscribers, tags, lists. May know `workspaces` and `storage`; callers report to `reactions`."""

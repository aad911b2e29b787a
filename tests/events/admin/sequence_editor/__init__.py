"""Tests of `events.admin.sequence_editor`."""

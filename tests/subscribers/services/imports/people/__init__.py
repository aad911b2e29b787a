"""Tests of `subscribers.services.imports.people`."""

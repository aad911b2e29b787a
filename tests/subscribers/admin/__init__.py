"""Tests of subscribers/admin."""

"""Tests of subscribers/api."""

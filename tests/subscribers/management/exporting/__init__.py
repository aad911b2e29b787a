"""Tests of what exports share."""

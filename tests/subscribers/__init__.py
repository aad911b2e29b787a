"""Tests of the audience."""

"""Tests of the pages for people who get mail."""

"""The HTTP API for people, and what both APIs share. May know services and DRF; no interface."""

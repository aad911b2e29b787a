"""Imports, exports and prunes events. May know `ingestion` and the rooms below it, and the services
of `subscribers`.
"""

"""Ledger, double opt-in, unsubscribing, suppression. May know `outbox`, `audience` and below."""

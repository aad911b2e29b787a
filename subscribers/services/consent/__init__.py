"""Consent: the ledger, double opt-in, unsubscribing, suppression. May know `outbox`, `audience`,
and the rooms below.
"""

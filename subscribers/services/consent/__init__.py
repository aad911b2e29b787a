"""Consent: its ledger, confirmation, unsubscription and suppression."""

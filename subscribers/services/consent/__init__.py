"""Consent: the ledger, confirmations, unsubscribing and suppressions. May know the rooms below it,
such as `audience` and `outbox`; a change and its line in the ledger share one transaction.
"""

"""Rate limit and idempotency keys. May know models and `storage`, nothing of the request."""

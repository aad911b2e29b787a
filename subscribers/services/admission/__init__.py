"""Whether a request is let in: rate limit and idempotency keys."""

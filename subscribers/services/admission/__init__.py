"""Whether a request is let in: rate limit and idempotency keys. May know models and `storage`;
knows nothing of what the request asks for.
"""

"""Rate limit and idempotency keys of requests. May know models and `storage`, nothing of the
request.
"""

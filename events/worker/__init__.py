"""The worker: a supervisor keeps two processes running, the ticker, which claims and queues due
work, and the pool, which does it. With `enqueue` the only room that knows django-q.
"""

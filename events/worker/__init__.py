"""The worker: a supervisor keeps two processes running. The ticker claims due work and queues it;
the pool carries it out. Only this room and `enqueue` know django-q.
See .github/decisions/own-worker.md.
"""

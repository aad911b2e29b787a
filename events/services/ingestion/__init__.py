"""Records events: the reference path (`ingest`), its stages and their retries, and the fast path.
May know `enrollments` and the rooms below it, and the services of `subscribers`. Queues nothing.
"""

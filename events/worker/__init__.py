"""The worker: one supervisor, and under it the ticker and the pool that carries out tasks."""

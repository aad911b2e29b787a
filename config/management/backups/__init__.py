"""A backup: one file with the whole database and the secret key, and how it is restored."""

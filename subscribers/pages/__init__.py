"""Pages for people who get mail; no sign-in, cookie or script needed. May know services, models."""

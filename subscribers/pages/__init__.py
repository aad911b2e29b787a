"""Pages for the people who get mail: no sign-in, no cookie, no script."""

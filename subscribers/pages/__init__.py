"""Pages for the people who get mail: no sign-in, no cookie; all works without a script."""

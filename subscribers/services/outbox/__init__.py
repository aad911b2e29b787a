"""One mail: its states, the SMTP session, and the limits on sending."""

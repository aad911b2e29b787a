"""One email's states, SMTP, and limits. May know `templating` and `storage`, nothing of consent."""

"""One email: its states, the SMTP session, and the limits on sending. May know `templating` and
`storage`, nothing of consent or sequences.
"""

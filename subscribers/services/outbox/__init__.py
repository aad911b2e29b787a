"""One mail: its states, the SMTP session, and the limits on sending. May know `templating` and
`storage`, and nothing of consent or sequences.
"""

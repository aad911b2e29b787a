"""What is sent now: queued emails, confirmations, and reports of delivery services. May know
`consent` and the rooms below it.
"""

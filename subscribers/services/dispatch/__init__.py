"""What leaves now: queued mails, confirmations, and the reports of delivery services. May know
`consent` and the rooms below it.
"""

"""What leaves now: queued mails, confirmations, and the reports of delivery services."""

"""What becomes of mails after they left: tracked links, opens and clicks, what services report. May
know models.
"""

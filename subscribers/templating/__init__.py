"""The text of mails: Liquid, merge tags, and HTML to text.

Pure: no Django and no services.
"""

"""The text of mails: Liquid, merge tags, and HTML to text. May know `wire`; no Django and no
services.
"""

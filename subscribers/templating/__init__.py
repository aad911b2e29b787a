"""The text of mails: Liquid, merge tags, HTML to text. May know `wire`; no Django, no services."""

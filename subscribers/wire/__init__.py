"""What comes over the wire: payloads, the JSON gate, addresses and tag names.

Pure: no Django and no services.
"""

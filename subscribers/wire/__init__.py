"""What comes over the wire: payloads, the JSON gate, addresses and tag names. Knows no other room
and no Django.
"""

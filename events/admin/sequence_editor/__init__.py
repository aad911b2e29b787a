"""The form that edits a sequence: translates between typed fields and the wire form. May know
`language`, `sequences` and models; the wire's parser judges what is typed.
"""

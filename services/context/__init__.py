"""Context owns what the assistant knows about its user before it answers, and the receipt that explains it.

It never calls a provider and never keeps the text of a conversation: facts arrive as events.
"""

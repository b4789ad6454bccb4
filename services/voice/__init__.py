"""Voice owns what the assistant may do by telephone for a user, and later the calls themselves.

It never decides what is said (chat does) and never books anything itself (tool does).
"""

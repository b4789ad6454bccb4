"""Sync owns the list of sources: which connected providers are kept in step, which are paused, and why.

It never holds a token (oauth does) and never acts at a provider (tool does).
"""

"""Providers' notifications: verified on the raw body, a module a provider, a decision of values each.

Never: content. What goes on is who is concerned and where to look; the truth is read from the provider's API.
Every check fails closed: without a configured secret nothing is genuine.
"""

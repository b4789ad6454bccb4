"""Memory: entries in the user's own words or agreed to by them, each with its sources, and why one is recalled.

Never: a call to a model, or an entry that nothing but text of others stands behind.
"""

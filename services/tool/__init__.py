"""Tool owns what the assistant may read and do: the registry of tools, and the ledger that makes an effect happen once.

It never stores a token (oauth does) and never decides on its own that something should be done (chat asks).
"""

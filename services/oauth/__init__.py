"""OAuth: owns connections to providers and the tokens behind them, and is the only one that refreshes or revokes.

It never uses a token to read or change anything at a provider; and no token leaves it unsealed.
"""

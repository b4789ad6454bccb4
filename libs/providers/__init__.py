"""Owns how external providers are spoken to; one package per provider, foreign errors translated at its edge.

Never: who may use what, a stored token, or a decision.
"""

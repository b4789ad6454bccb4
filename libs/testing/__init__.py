"""Owns what tests of every layer share: real servers for a test session, a client of the public API.

Never: an assertion, or anything that a running Adjutant imports.
"""

"""Owns how Gmail and Google Calendar are spoken to: requests from Google's own descriptions, answers as typed values.

Never: a token's storage or refresh (oauth does that), a decision about what to read or do, a row in a database.
"""

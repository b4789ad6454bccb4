"""Settlement: what two users agreed on comes into both calendars, moves in both, and goes from both, or nothing does.

Stands beside `services.tool.booking`: both write calendars through the ledger, which the packages they settle do not
know.
"""

"""The network: two users connect, and negotiate a time that goes into both calendars or into neither.

Owns connections, negotiations, and what an agreed time takes of either user's calendar until it stands there. A row is
kept once, under whoever began (who invited, who proposed first), sealed with their key; a row policy lets the other one
read it, and an invited address be found by its hash. What the other one does is checked against what they can see in
their own scope, and then written in that of the row's owner. Never shows one user what fills the other's calendar.
"""

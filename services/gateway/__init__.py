"""The only public HTTP surface: accounts, sessions and keys, streamed turns, and the doors to the other services.

Owns who the caller is, how often they may call, and what a client sees on the wire.
Never decides what a turn answers, and never reads another service's data except by asking for it.
"""

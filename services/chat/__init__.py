"""Chat: owns turns, conversations and the words in them, and decides what the assistant says and does next.

It never calls a provider, holds a provider's token, or carries out an effect itself; tool does.
"""

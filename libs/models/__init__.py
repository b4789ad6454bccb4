"""Owns the talk with model providers: one message format, one stream of events, one error tree.

Never: decides what to say or which tool to run; that is chat's.
"""

from libs.models.client import ModelClient, open_client
from libs.models.errors import ModelError

__all__ = ["ModelClient", "ModelError", "open_client"]

"""Owns HTTP as we speak it: calls to the outside, and errors as problem+json.

Never: a provider's paths or a credential of its own; whoever calls brings both.
"""

from libs.http.outgoing import HttpClient, HttpResponse
from libs.http.problem import problem

__all__ = ["HttpClient", "HttpResponse", "problem"]

"""Owns the servers a machine with nothing configured gets: a real PostgreSQL and a real NATS as own children.

Never: a setting of a service, or a server that was configured by address.
"""

from libs.runtime.embedded.nats import EmbeddedNats
from libs.runtime.embedded.postgres import EmbeddedPostgres
from libs.runtime.embedded.secrets import EmbeddedSecrets

__all__ = ["EmbeddedNats", "EmbeddedPostgres", "EmbeddedSecrets"]

"""Owns the life of processes: settings, start, readiness, orderly end, the supervisor, the command line.

Never: what a service does; it finds services by the entry-point group `adjutant.services` and imports none.
"""

from libs.runtime.service import Resources, Service
from libs.runtime.settings import PlatformSettings, ServiceSettings

__all__ = ["PlatformSettings", "Resources", "Service", "ServiceSettings"]

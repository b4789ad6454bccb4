"""Third-party emulators of the external providers, installed and run on this machine."""

from libs.sandbox.node import SandboxUnavailable
from libs.sandbox.sandbox import Sandbox

__all__ = ["Sandbox", "SandboxUnavailable"]

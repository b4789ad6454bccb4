"""Privacy: owns finding what is personal or secret in a text, and putting placeholders in its place and back.

Never: decides what is scrubbed for whom; that is chat's. Pure: no I/O.
"""

from libs.privacy.detectors import Kind
from libs.privacy.restoring import Restorer, restored_json
from libs.privacy.scrubbing import Scrubber

__all__ = ["Kind", "Restorer", "Scrubber", "restored_json"]

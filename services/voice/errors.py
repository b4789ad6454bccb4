"""The errors of voice.

InvalidInput
└── InvalidVoice      the name of the voice cannot be one
"""

from libs.resilience.errors import InvalidInput


class InvalidVoice(InvalidInput):
    """A name that no speech provider would accept."""

    slug = "invalid_voice"
    advice = "Give the voice's name as the speech provider writes it, such as Polly.Joanna."

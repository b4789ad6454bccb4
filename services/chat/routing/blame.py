"""Whose failure a failure is. Only a deployment's own counts against its health: else one user's odd request, wrong key
or short deadline would make it look broken to everybody."""

from libs.models.errors import ModelError, ModelRateLimited, ModelRefusedKey, ModelTimeout
from services.chat.routing.deployments import Deployment

FAULT_OF_THE_REQUEST = frozenset({"context_too_large", "model_refused"})
"""What another deployment may do better, and what says nothing about the health of this one."""


def is_its_own(deployment: Deployment, error: ModelError, *, had_time: bool = True) -> bool:
    """`had_time`: whether its asker's deadline left the time that an answer takes."""
    if error.slug in FAULT_OF_THE_REQUEST:
        return False
    if deployment.settings.key_from == "vault" and isinstance(error, (ModelRefusedKey, ModelRateLimited)):
        return False
    return had_time or not isinstance(error, ModelTimeout)

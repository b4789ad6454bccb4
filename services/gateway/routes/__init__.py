"""The paths of the public API, a module for each subject. Only `services.gateway.web` imports them."""

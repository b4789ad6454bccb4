"""Errors, retries, breakers and deadlines: how things fail well."""

"""A service that exists in these tests only: it keeps notes."""

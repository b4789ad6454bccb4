"""The bus against a real NATS and a real PostgreSQL."""

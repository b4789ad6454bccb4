"""OAuth on a real bus and database, against the emulated Google and a token endpoint that counts."""

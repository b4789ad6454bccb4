"""The sandbox of third-party emulators: it installs, starts, and answers as the tests and the demo rely on."""

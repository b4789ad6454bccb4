"""Unit tests of libs.telemetry."""

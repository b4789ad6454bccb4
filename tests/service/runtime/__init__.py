"""Processes and services against real servers."""

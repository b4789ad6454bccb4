"""Routing: owns which deployment answers a model request, and what happens when one fails; never what is asked, and
never what it costs."""

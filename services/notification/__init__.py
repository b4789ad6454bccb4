"""Notification owns the inbox: what a user is told without having asked, and what they did with it.

It never decides that something happened (the service whose event it hears does) and never acts for the user.
"""

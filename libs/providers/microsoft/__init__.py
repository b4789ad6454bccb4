"""Microsoft Graph, read for sync: mail, calendar, Teams."""

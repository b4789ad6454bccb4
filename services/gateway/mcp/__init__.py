"""The user's tools for any MCP client, by the official SDK: stateless, so that any replica answers any request.

Never: consent. A program's model may have read anything, so every effect goes to the tool service as asked by nobody.
"""

"""What the services say to each other, and nothing else: no I/O, no behaviour.

One module per owning service; `catalog` lists every message; `generated/` holds what is derived from them.
"""

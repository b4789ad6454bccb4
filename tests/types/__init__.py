"""What the type checker must refuse: code that would register a handler for what it does not take."""

"""What a person or a test sees and does from outside: the page, the control API. Only app imports it."""

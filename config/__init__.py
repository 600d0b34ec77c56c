"""What a stack may set, key by key: the typed model, its check and report, the stack files. It knows no component."""

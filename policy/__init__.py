"""Policy pack: the project's invariants as rules that the engine holds against every resource."""

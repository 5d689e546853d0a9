"""The tests: one file a module, and what several of them need."""
